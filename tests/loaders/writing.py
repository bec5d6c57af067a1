"""Sample files of every format, all with the same four events of three users."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pandas as pd

import loaders
from graph_schema import Catalog
from loaders import LoadResult

EVENTS = (
    ("u1", "i1", 5.0, 978300019),
    ("u1", "i2", 3.0, 978300055),
    ("u2", "i1", 4.0, 978301968),
    ("u3", "i3", 2.0, 978302174),
)
LINKS = {"i1": "m.01", "i3": "m.03"}
TRIPLES = (
    ("m.01", "film.film.genre", "m.g1"),
    ("m.03", "film.film.genre", "m.g1"),
    ("m.01", "film.film.sequel", "m.03"),
    ("m.g1", "film.genre.parent", "m.g2"),
)


def put(path: Path, text: str | bytes, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text if isinstance(text, bytes) else text.encode(encoding)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def lines(rows: Iterable[Iterable[object]], delimiter: str) -> str:
    return "".join(delimiter.join(map(str, row)) + "\n" for row in rows)


def csv_folder(folder: Path) -> Path:
    rows = [(u, i, int(r), t) for u, i, r, t in EVENTS]
    put(folder / "interactions.csv", "user_id,item_id,rating,timestamp\n" + lines(rows, ","))
    put(folder / "users.csv.gz", "user_id,zip\nu1,02139\nu2,48067\nu3,\n")
    put(folder / "items.csv", 'item_id,title,year\ni1,"One, two",1999\ni2,Two,2001\ni3,,2003\n')
    put(folder / "entities.csv", "entity_id,name,kind\ne1,Ann,person\n")
    facts = "i1,item,directed_by,e1,entity\ni2,item,sequel_of,i1,item\n"
    put(folder / "facts.csv", "head,head_type,relation,tail,tail_type\n" + facts)
    return folder


def json_tables(folder: Path) -> Path:
    events = [{"user_id": u, "item_id": i, "rating": r, "timestamp": t} for u, i, r, t in EVENTS]
    put(folder / "interactions.jsonl", json_lines(events))
    items = [{"item_id": one, "title": one.upper()} for one in ("i1", "i2", "i3")]
    put(folder / "items.json", json.dumps(items, indent=1))
    return folder


def recbole_folder(folder: Path) -> Path:
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    put(folder / "tiny.inter", header + lines(EVENTS, "\t"))
    put(folder / "tiny.user", "user_id:token\tage:token\nu1\t24\nu2\t53\nu3\t7\n")
    items = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    items += "i1\tToy Story\t1995\tComedy Children's\ni2\tTwo\t1999\tDrama\ni3\tIII\t2003\t\n"
    put(folder / "tiny.item", items)
    put(folder / "tiny.link", "item_id:token\tentity_id:token\n" + lines(LINKS.items(), "\t"))
    triples = "head_id:token\trelation_id:token\ttail_id:token\n" + lines(TRIPLES, "\t")
    put(folder / "tiny.kg", triples)
    return folder


def movielens_100k(folder: Path) -> Path:
    put(folder / "u.data", lines(((u, i, int(r), t) for u, i, r, t in EVENTS), "\t"))
    put(folder / "u.user", "u1|24|M|technician|85711\nu2|53|F|other|94043\nu3|9|F|none|T8H1N\n")
    none = ["0"] * 19
    flags = [none.copy() for _ in range(3)]
    flags[0][3] = flags[0][5] = "1"
    flags[1][0] = "1"
    rows = (
        ["i1", "Café (1995)", "01-Jan-1995", "", "http://example.org/1", *flags[0]],
        ["i2", "unknown", "", "", "", *flags[1]],
        ["i3", "Seven (Se7en) (1995)", "01-Jan-1995", "", "", *flags[2]],
    )
    put(folder / "u.item", lines(rows, "|"), "latin-1")
    return folder


def movielens_1m(folder: Path) -> Path:
    put(folder / "ratings.dat", lines(((u, i, int(r), t) for u, i, r, t in EVENTS), "::"))
    put(folder / "users.dat", "u1::F::1::10::48067\nu2::M::56::16::02139\nu3::M::25::15::1\n")
    movies = "i1::Léon: The Pro (1994)::Crime|Drama\ni2::Two (1999)::Drama\ni3::III (2003)::War\n"
    put(folder / "movies.dat", movies, "latin-1")
    return folder


def movielens_csv(folder: Path) -> Path:
    put(folder / "ratings.csv", "userId,movieId,rating,timestamp\n" + lines(EVENTS, ","))
    movies = 'i1,"Long Day, The (1995)",Drama|War\ni2,Two (1999),(no genres listed)\ni3,III,Drama\n'
    put(folder / "movies.csv", "movieId,title,genres\n" + movies)
    put(folder / "tags.csv", "userId,movieId,tag,timestamp\nu1,i1,slow,978300100\n")
    put(folder / "links.csv", "movieId,imdbId,tmdbId\ni1,0112792,9909\ni2,0033563,\n")
    return folder


def movielens_10m(folder: Path) -> Path:
    put(folder / "ratings.dat", lines(EVENTS, "::"))
    movies = "i1::Long Day (1994)::Drama\ni2::Two (1999)::(no genres listed)\ni3::III (2003)::War\n"
    put(folder / "movies.dat", movies)
    put(folder / "tags.dat", "u1::i1::très bon::978300100\nu3::i3::slow::978300200\n")
    return folder


def movietweetings(folder: Path) -> Path:
    put(folder / "ratings.dat", lines(((u, i, int(r), t) for u, i, r, t in EVENTS), "::"))
    put(
        folder / "movies.dat",
        "i1::Long Day (1994)::Drama\ni2::Café (1999)::\ni3::III (2003)::War\n",
    )
    put(folder / "users.dat", "u1::0139\nu2::1752\nu3::17\n")
    return folder


def xmrec_folder(folder: Path) -> Path:
    header = "userId itemId rate date\n"
    put(folder / "de_5core.txt.gz", header + lines(((*e[:3], _day(e[3])) for e in EVENTS), " "))
    return folder


def _day(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).date().isoformat()


def json_lines(records: Iterable[object]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def reviews() -> list[dict[str, object]]:
    return [
        {
            "reviewerID": user,
            "asin": item,
            "overall": rating,
            "unixReviewTime": time,
            "reviewText": f"About {item} &amp; more",
            "summary": "Fine",
            "verified": True,
        }
        for user, item, rating, time in EVENTS
    ]


def amazon_2018(folder: Path) -> Path:
    put(folder / "Toys_5.json.gz", json_lines([*reviews(), reviews()[0]]))
    products = [
        {
            "asin": "i1",
            "title": "Maggiano&#39;s <b>Card</b>",
            "brand": "by\n    \n    Apple",
            "category": ["Toys", "Toys", "Arts &amp; Crafts", "</span></span>"],
            "description": ["First.", "", "<p>Second.</p>"],
            "also_buy": ["i2", "gone1", "gone2"],
            "also_view": ["i3", "gone1"],
            "price": "$1,250.00",
            "main_cat": "Toys",
        },
        {"asin": "i2", "title": '<span class="a-size-medium"', "brand": "", "category": []},
        {"asin": "unreviewed", "title": "Nobody's", "also_buy": ["i1"]},
        {"asin": "i2", "title": "again"},
    ]
    put(folder / "meta_Toys.json.gz", json_lines(products))
    return folder


def amazon_2014(folder: Path) -> Path:
    old = [{k: v for k, v in r.items() if k != "verified"} for r in reviews()]
    put(folder / "reviews.json.gz", json_lines(old))
    products = [
        {
            "asin": "i1",
            "title": 'It\'s "one"',
            "categories": [["Toys", "Games"], ["Toys"]],
            "related": {
                "also_bought": ["i2", "gone"],
                "also_viewed": ["i3"],
                "bought_together": ["i2"],
                "buy_after_viewing": ["i3"],
            },
            "price": 9.95,
            "brand": "Lego",
            "description": "One text.",
        },
        {"asin": "i2", "title": "Two"},
        {"asin": "i3", "title": "Three"},
    ]
    put(folder / "meta_old.json.gz", "".join(f"{product!r}\n" for product in products))
    return folder


def csv_with_triples(folder: Path) -> Path:
    csv_folder(folder)
    (folder / "facts.csv").unlink()
    (folder / "entities.csv").unlink()
    put(folder / "train.txt", "i1\tdirected_by\tann\nann\tborn_in\tparis\n")
    put(folder / "test.txt", "i3\tdirected_by\tann\n")
    return folder


TURTLE = """@prefix x: <http://x.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
x:one x:directedBy x:ann ; rdfs:label "Eins"@de, "One"@en ; x:length 90 .
x:two x:sequelOf x:one .
x:ann a x:Person ; rdfs:label "Ann" ; x:knows [ rdfs:label "Somebody"@fr ] .
"""


def csv_with_rdf(folder: Path) -> Path:
    csv_folder(folder)
    (folder / "facts.csv").unlink()
    (folder / "entities.csv").unlink()
    items = "i1,http://x.org/one,1999\ni2,http://x.org/two,2001\ni3,http://x.org/three,2003\n"
    put(folder / "items.csv", "item_id,uri,year\n" + items)
    put(folder / "graph.ttl", TURTLE)
    return folder


USER_NUMBERS, ITEM_NUMBERS = {"u1": 7, "u2": 1, "u3": 2}, {"i1": 0, "i2": 1, "i3": 3}


def lightgcn_folder(folder: Path) -> Path:
    header = "org_id remap_id\n"
    put(folder / "user_list.txt", header + lines(USER_NUMBERS.items(), " "))
    put(folder / "item_list.txt", header + lines(ITEM_NUMBERS.items(), " "))
    put(folder / "train.txt", "7 0 1\n1 0 \n2 3\n")
    return folder


def kgat_folder(folder: Path) -> Path:
    lightgcn_folder(folder)
    items = [(item, number, LINKS.get(item, "")) for item, number in ITEM_NUMBERS.items()]
    put(folder / "item_list.txt", "org_id remap_id freebase_id\n" + lines(items, " "))
    entities = "org_id remap_id\nm.01 0\nm.02 1\nm.03 3\nm.g1 4\nm g2 5\n"
    put(folder / "entity_list.txt", entities)
    relations = "http://x.org/ns/film.genre 0\nhttp://x.org/ns/film.sequel 1\n"
    put(folder / "relation_list.txt", "org_id remap_id\n" + relations)
    put(folder / "kg_final.txt", "0 0 4\n3 0 4\n0 1 3\n4 0 5\n")
    return folder


def kgcn_folder(folder: Path) -> Path:
    numbers = {"i1": 0, "i3": 1, "i2": 2}
    rows = [*((user, numbers[item], 1) for user, item, _, _ in EVENTS), ("u2", 2, 0)]
    put(folder / "ratings_final.txt", lines(rows, "\t"))
    put(folder / "item_index2entity_id.txt", "i1\tm.01\ni3\tm.03\ni2\tm.02\n")
    put(folder / "kg.txt", lines(TRIPLES, "\t"))
    put(folder / "kg_final.txt", "0\t0\t3\n1\t0\t3\n0\t1\t1\n3\t2\t4\n")
    return folder


def sasrec_folder(folder: Path) -> Path:
    put(folder / "Toys.txt", lines((event[:2] for event in EVENTS), " "))
    return folder


def reverse_users(folder: Path) -> None:
    """Put the users of SASRec's file in the opposite order; the order of their items stays."""
    path = folder / "Toys.txt"
    rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join(sorted(rows, key=lambda row: row.split()[0], reverse=True)))


def mind_folder(folder: Path) -> Path:
    rows = [
        (number, user, f"{datetime.fromtimestamp(time, UTC):%m/%d/%Y %I:%M:%S %p}", "", f"{item}-1")
        for number, (user, item, _, time) in enumerate(EVENTS)
    ]
    put(folder / "behaviors.tsv", lines(rows, "\t"))
    found = [{"Label": "Paris", "Type": "G", "WikidataId": "Q90", "Confidence": 1.0}]
    news = [
        (item, "news", "world", f'A "title of {item}', "Text", "http://x", json.dumps(found), "[]")
        for item in ("i1", "i2", "i3")
    ]
    put(folder / "news.tsv", lines(news, "\t"))
    return folder


def neo4j_admin_folder(folder: Path) -> Path:
    header = ":START_ID(User),:END_ID(Item),:TYPE,rating:float,timestamp:long\n"
    rows = [(user, item, "RATED", rating, time) for user, item, rating, time in EVENTS]
    put(folder / "ratings.csv", header + lines(rows, ","))
    put(folder / "users.csv", "id:ID(User),age:int,:LABEL\nu1,24,User\nu2,,User\nu3,7,User\n")
    items = "i1,One,a;b,Item\ni2,Two,,Item;Old\ni3,,,Item\n"
    put(folder / "items.csv", "id:ID(Item),title,tags:string[],:LABEL\n" + items)
    put(folder / "people.csv", "id:ID(Person),name,:LABEL\n1,Ann,Person;Director\n")
    facts = "i1,1,DIRECTED_BY,1999\ni3,1,DIRECTED_BY,\n"
    put(folder / "directed.csv", ":START_ID(Item),:END_ID(Person),:TYPE,year:int\n" + facts)
    return folder


def amazon_2023(folder: Path) -> Path:
    rows = [
        {
            "rating": rating,
            "title": "Fine",
            "text": f"About {item}<br />and more",
            "images": [],
            "asin": f"{item}-red",
            "parent_asin": item,
            "user_id": user,
            "timestamp": time * 1_000 + 923,
            "helpful_vote": 1,
            "verified_purchase": True,
        }
        for user, item, rating, time in EVENTS
    ]
    put(folder / "Toys.jsonl.gz", json_lines(rows))
    products = [
        {
            "main_category": "All Toys",
            "title": "Lamp",
            "average_rating": 4.8,
            "features": ["Of oak", "Small"],
            "description": ["First.", "Second."],
            "price": "None",
            "images": [{"hi_res": None}],
            "store": "Lampco",
            "categories": ["Toys", "Lamps"],
            "details": {"Brand": "Lampe", "Color": "red", "Sizes": [1]},
            "parent_asin": "i1",
            "bought_together": None,
        },
        {"title": "Desk", "price": "from 19.99", "details": {}, "parent_asin": "i2"},
        {"title": "Other", "price": 5, "parent_asin": "unreviewed"},
    ]
    put(folder / "meta_Toys.jsonl.gz", json_lines(products))
    return folder


def amazon_2023_ratings(folder: Path) -> Path:
    rows = ((u, i, r, t * 1_000) for u, i, r, t in EVENTS)
    put(folder / "Toys.csv", "user_id,parent_asin,rating,timestamp\n" + lines(rows, ","))
    return folder


def yelp_folder(folder: Path) -> Path:
    names = "yelp_academic_dataset_"
    rows = [
        {
            "review_id": f"r{number}",
            "user_id": user,
            "business_id": item,
            "stars": rating,
            "useful": 0,
            "text": "Good\n\nsoup",
            "date": _time(time),
        }
        for number, (user, item, rating, time) in enumerate(EVENTS)
    ]
    put(folder / f"{names}review.json", json_lines(rows))
    place = {"business_id": "i1", "name": "Soup place", "city": "Ulm", "stars": 4.5, "is_open": 1}
    place |= {"categories": "Soup, Food", "attributes": {"WiFi": "u'free'"}}
    put(folder / f"{names}business.json", json_lines([place]))
    users = [{"user_id": "u1", "name": "Ann", "friends": "u2, gone"}, {"user_id": "u2"}]
    put(folder / f"{names}user.json", json_lines(users))
    tips = [{"user_id": "u3", "business_id": "i2", "text": "Go", "date": _time(EVENTS[0][3])}]
    put(folder / f"{names}tip.json", json_lines([*tips, {"user_id": "u3"}]))
    put(folder / f"{names}checkin.json", json_lines([{"business_id": "i1", "date": ""}]))
    return folder


def _time(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S")


def goodreads_folder(folder: Path) -> Path:
    rows = [
        {
            "user_id": user,
            "book_id": item,
            "review_id": f"r{number}",
            "is_read": True,
            "rating": int(rating),
            "review_text_incomplete": "Long" if number else "",
            "date_added": _long_date(time),
            "read_at": "",
        }
        for number, (user, item, rating, time) in enumerate(EVENTS)
    ]
    put(folder / "goodreads_interactions_poetry.json.gz", json_lines(rows))
    book = {
        "book_id": "i1",
        "title": "One",
        "authors": [{"author_id": "7", "role": ""}],
        "series": ["s1"],
        "similar_books": ["i2", "gone"],
        "num_pages": "120",
        "publication_year": "",
        "popular_shelves": [{"count": "9", "name": "to-read"}],
    }
    put(folder / "goodreads_books_poetry.json.gz", json_lines([book]))
    put(folder / "goodreads_book_authors.json.gz", json_lines([{"author_id": "7", "name": "Ann"}]))
    genres = {"book_id": "i1", "genres": {"poetry": 9}}
    put(folder / "goodreads_book_genres_initial.json.gz", json_lines([genres]))
    return folder


def _long_date(timestamp: int) -> str:
    """A date as Goodreads writes it, in the zone of California's winter."""
    zone = timezone(timedelta(hours=-8))
    return datetime.fromtimestamp(timestamp, zone).strftime("%a %b %d %H:%M:%S %z %Y")


def steam_folder(folder: Path) -> Path:
    rows = (
        f"{{u'username': u'{user}', u'hours': {rating}, u'product_id': u'{item}', "
        f"u'date': u'{_day(time)}', u'text': u'Fun \u263a', u'early_access': False}}\n"
        for user, item, rating, time in EVENTS
    )
    put(folder / "steam_reviews.json.gz", "".join(rows))
    games = "{u'id': u'i1', u'app_name': u'One', u'genres': [u'Action'], u'developer': u'Ann'}\n"
    put(folder / "steam_games.json.gz", games + "{u'app_name': u'no id'}\n")
    return folder


MAPPING = """
[files]
delimiter = ";"
encoding = "latin-1"

[users]
file = "people.csv"
columns = { user_id = "Person" }
attributes = "all"

[interactions]
file = "stars.csv"
columns.user_id = "Person"
columns.item_id = "Thing"
columns.rating = "Stars"
columns.timestamp = { column = "When", unit = "ms" }

[facts]
file = "things.csv"
columns.head = "Thing"
columns.relation = { value = "made_by" }
columns.tail = { column = "Makers", separator = ",", prefix = "maker:" }
columns.tail_kind = { value = "maker" }
"""


def mapped_folder(folder: Path) -> Path:
    put(folder / "kgrec.toml", MAPPING)
    events = lines(((u, i, r, t * 1000) for u, i, r, t in EVENTS), ";")
    put(folder / "stars.csv", "Person;Thing;Stars;When\n" + events)
    put(folder / "people.csv", "Person;Age;Town\nu1;24;Köln\nu2;53;\nu3;7;Ulm\n", "latin-1")
    put(folder / "things.csv", "Thing;Makers\ni1;Ann, Bob\ni2;\ni3;Bob\n", "latin-1")
    return folder


def catalog_folder(folder: Path) -> Path:
    events = pd.DataFrame(EVENTS, columns=["user_id", "item_id", "rating", "timestamp"])
    return Catalog.from_frames(interactions=events).to_parquet(folder)


def reverse_catalog(folder: Path) -> None:
    events = Catalog.read_parquet(folder).interactions
    Catalog.from_frames(interactions=events.iloc[::-1]).to_parquet(folder)


def load_frames(folder: Path) -> LoadResult:
    catalog = loaders.csv_folder(folder).catalog
    kept = ("users", "items", "entities", "interactions", "facts")
    return loaders.frames(**{name: catalog.frame(name) for name in kept})


def reverse_lines(folder: Path, events: str, header: bool) -> None:
    """Reverse the rows of the text file ``events``, plain or gzip; a header stays first."""
    path = folder / events
    packed = path.suffix == ".gz"
    raw = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    rows = raw.splitlines(keepends=True)
    head = rows[:1] if header else []
    put(path, b"".join([*head, *rows[len(head) :][::-1]]))


@dataclass(frozen=True)
class Sample:
    """Sample files of one format, for the tests that every loader must pass.

    ``name`` names the test; ``format`` is the loader's name in the registry, None where the loader
    reads no files. ``write`` puts the files into a folder and returns it. ``events`` is the name,
    or a glob pattern, of the file with the interactions; ``header``: whether its first line is a
    header. ``lacks`` are the columns of the events that the format doesn't have; ``days``: whether
    it knows the day of an event and not its time. ``reverse`` reverses the interactions in a folder
    that ``write`` wrote; by default it reverses lines.
    """

    name: str
    format: str | None
    write: Callable[[Path], Path]
    events: str
    header: bool = False
    days: bool = False
    lacks: tuple[str, ...] = ()
    load: Callable[[Path], LoadResult] = loaders.load
    reverse: Callable[[Path], None] | None = None

    def events_file(self, folder: Path) -> Path:
        return next(folder.glob(self.events))

    def reverse_events(self, folder: Path) -> None:
        if self.reverse is not None:
            self.reverse(folder)
        else:
            reverse_lines(folder, self.events, self.header)


FILE_SAMPLES = (
    Sample("csv", "csv", csv_folder, "interactions.csv", header=True),
    Sample("json", "csv", json_tables, "interactions.jsonl"),
    Sample("recbole", "recbole", recbole_folder, "tiny.inter", header=True),
    Sample("movielens-100k", "movielens", movielens_100k, "u.data"),
    Sample("movielens-1m", "movielens", movielens_1m, "ratings.dat"),
    Sample("movielens-10m", "movielens", movielens_10m, "ratings.dat"),
    Sample("movielens-csv", "movielens", movielens_csv, "ratings.csv", header=True),
    Sample("movietweetings", "movielens", movietweetings, "ratings.dat"),
    Sample("amazon-2023", "amazon", amazon_2023, "Toys.jsonl.gz"),
    Sample("amazon-ratings", "amazon", amazon_2023_ratings, "Toys.csv", header=True),
    Sample("yelp", "yelp", yelp_folder, "yelp_academic_dataset_review.json"),
    Sample("goodreads", "goodreads", goodreads_folder, "goodreads_interactions_poetry.json.gz"),
    Sample("steam", "steam", steam_folder, "steam_reviews.json.gz", days=True, lacks=("rating",)),
    Sample("amazon-2018", "amazon", amazon_2018, "Toys_5.json.gz"),
    Sample("amazon-2014", "amazon", amazon_2014, "reviews.json.gz"),
    Sample("xmrec", "xmrec", xmrec_folder, "de_5core.txt.gz", header=True, days=True),
    Sample("csv-triples", "csv", csv_with_triples, "interactions.csv", header=True),
    Sample("csv-rdf", "csv", csv_with_rdf, "interactions.csv", header=True),
    Sample("kgat", "kgat", kgat_folder, "train.txt", lacks=("rating", "timestamp")),
    Sample("lightgcn", "kgat", lightgcn_folder, "train.txt", lacks=("rating", "timestamp")),
    Sample("kgcn", "kgcn", kgcn_folder, "ratings_final.txt", lacks=("rating", "timestamp")),
    Sample(
        "sasrec",
        "sasrec",
        sasrec_folder,
        "Toys.txt",
        lacks=("rating", "timestamp"),
        reverse=reverse_users,
    ),
    Sample("mind", "mind", mind_folder, "behaviors.tsv", lacks=("rating",)),
    Sample("neo4j-admin", "neo4j-admin", neo4j_admin_folder, "ratings.csv", header=True),
    Sample("mapping", "mapping", mapped_folder, "stars.csv", header=True),
    Sample("catalog", "catalog", catalog_folder, "interactions-*.parquet", reverse=reverse_catalog),
)
SAMPLES = (
    *FILE_SAMPLES,
    Sample("frames", None, csv_folder, "interactions.csv", header=True, load=load_frames),
)
