"""Names of the item features that other rooms of the code refer to."""

from __future__ import annotations

from typing import Final

IDS: Final = "id"
KNOWLEDGE: Final = "knowledge"
ATTRIBUTES: Final = "attributes"
TEXT: Final = "text"
REVIEWS: Final = "reviews"
SEPARATOR: Final = ":"  # between a block's name and a name of the user's own: "vectors:image"
