"""Sentences in other languages: a Writer for each, as a team would make its own."""

from __future__ import annotations

from collections.abc import Mapping

from kgrec.explain.text.sentences import Writer
from kgrec.features.blocks import block_labels, block_sentences

_GERMAN = {
    **block_sentences("de"),
    "chose": "{subject} haben „{history}“ {verb}",
    "rated": "{subject} haben „{history}“ {verb} ({rating})",
    "and": " und ",
    "shared": "{chose}; „{item}“ stimmt damit überein ({role}: {link}).",
    "shared unnamed": "{chose}; „{item}“ stimmt damit überein ({role}).",
    "shared mixed": "{chose}; {link} gehört dazu ({role}) und auch zu „{item}“ ({role2}).",
    "shared mixed unnamed": "{chose}; was dort „{role}“ ist, ist bei „{item}“ „{role2}“.",
    "shared phrase": "{chose}; von dort wie von „{item}“ führt ein Weg zu {link} ({role}).",
    "shared phrase unnamed": "{chose}; „{item}“ ist auf gleiche Weise verbunden ({role}).",
    "fact": "{chose}; dazu gehört „{item}“ ({role}).",
    "fact reversed": "{chose}; das gehört zu „{item}“ ({role}).",
    "fact phrase": "{chose}; der Graph verbindet es mit „{item}“ ({role}).",
    "collaborative": "{chose}; {people} mit dieser Wahl haben auch „{item}“ gewählt.",
    "collaborative against": "{chose}; wer das wählt, neigt nicht zu „{item}“.",
    "collaborative surroundings": "{chose}; {people} mit dieser Wahl haben auch „{item}“ gewählt, "
    "und die beiden haben im Graphen eine ähnliche Umgebung.",
    "collaborative surroundings unseen": "{chose}; die Umgebung im Graphen ähnelt der von "
    "„{item}“.",
    "collaborative unseen": "{chose}; was andere wählen, rückt „{item}“ in die Nähe.",
    "graph neighbourhood": "{chose}; der Graph führt von dort zu „{item}“: {steps}.",
    "graph neighbourhood unseen": "{chose}; die Umgebung im Graphen ähnelt der von „{item}“.",
    "repeat": "{chose}, schon zuvor.",
    "other": "{chose}; das wirkte auf „{item}“ durch den Teil „{part}“ des Modells.",
    "other:words": "{chose}; die Worte dazu passen zu „{item}“.",
    "other:assumed": "{chose}; darüber ist wenig bekannt, und was stattdessen angenommen wird, "
    "passt zu „{item}“.",
    "against": "{sentence} Das sprach dagegen.",
    "person": "1 Person",
    "people": "{count} Personen",
    "fact:ALSO_BOUGHT": "{chose}; wer das kauft, kauft auch „{item}“.",
    "fact:BOUGHT_TOGETHER": "{chose}; es wird oft zusammen mit „{item}“ gekauft.",
    "fact:ALSO_VIEWED": "{chose}; wer das ansieht, sieht auch „{item}“ an.",
    "shared:ALSO_BOUGHT": "{chose}; {link} wird dazu gekauft, und auch zu „{item}“.",
    "shared:BOUGHT_TOGETHER": "{chose}; {link} wird oft damit gekauft, und auch mit „{item}“.",
    "shared:ALSO_VIEWED": "{chose}; wer {link} ansieht, sieht das an und auch „{item}“.",
}
_GERMAN_VERBS = {
    "": "gewählt",
    "rate": "bewertet",
    "rating": "bewertet",
    "view": "angesehen",
    "watch": "gesehen",
    "click": "angeklickt",
    "buy": "gekauft",
    "purchase": "gekauft",
    "like": "mit „Gefällt mir“ markiert",
    "review": "besprochen",
    "listen": "gehört",
    "play": "gespielt",
    "read": "gelesen",
    "cart": "in den Warenkorb gelegt",
}
_GERMAN_WORDS = {
    **block_labels("de"),
    "director": "Regie",
    "producer": "Produktion",
    "writer": "Buch",
    "author": "Autor",
    "composer": "Musik",
    "editor": "Schnitt",
    "publisher": "Verlag",
    "actor": "Besetzung",
    "performer": "Interpret",
    "artist": "Künstler",
    "creator": "Schöpfer",
    "designer": "Gestaltung",
    "manufacturer": "Hersteller",
    "brand": "Marke",
    "seller": "Verkäufer",
    "category": "Kategorie",
    "genre": "Genre",
    "subject": "Thema",
    "country": "Land",
    "language": "Sprache",
    "series": "Reihe",
    "sequel": "Fortsetzung",
    "production company": "Produktionsfirma",
    "related topic": "verwandtes Thema",
    "cinematography": "Kamera",
    "also bought": "auch gekauft",
    "also viewed": "auch angesehen",
    "bought together": "zusammen gekauft",
    "chose": "gewählt",
    "chosen otherwise": "anders gewählt",
    "fitting words": "passende Worte",
}
GERMAN = Writer(_GERMAN, verbs=_GERMAN_VERBS, words=_GERMAN_WORDS, subject="Sie")
LANGUAGES: Mapping[str, Writer] = {"en": Writer(), "de": GERMAN}
