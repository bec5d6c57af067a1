// Neo4j fills an index in the background; writing before it is ready would scan whole labels.
CALL db.awaitIndexes(300);
