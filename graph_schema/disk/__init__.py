"""Files and folders on disk that are complete or not there, whenever a writer is killed."""
