"""A mapping for files: which file and which columns are users, items, interactions and facts.

``model`` has the fields of the mapping, ``folder`` is the format of folders that have one,
``reading`` reads them, and ``draft`` guesses a mapping.
"""

from typing import Final

FILE: Final = "kgrec.toml"  # the mapping of the folder that it is in
