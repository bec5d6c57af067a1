"""Made-up rows of public data sets, in the files and forms in which these are published.

By the page of the documentation that has the mapping (with the number of the mapping on it): the
files, and what loads from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PageSample:
    """Files of a data set by name, with their encoding; how many rows of each frame load from
    them, and some of these rows."""

    page: str
    files: dict[str, str]
    counts: dict[str, int]
    rows: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    encoding: str = "utf-8"
    number: int = 0  # of the mapping on the page

    def __str__(self) -> str:
        return f"{self.page}-{self.number}"


def _lines(rows: Iterable[object]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _quoted(*rows: str) -> str:
    """Rows of semicolons as Book-Crossing quotes them: NULL without quotes."""
    lines = (row.replace(";", '";"') for row in rows)
    return "".join(f'"{line}"\n'.replace('"NULL"', "NULL") for line in lines)


_COVERS = ";Image-URL-S;Image-URL-M;Image-URL-L"
_COVER = ";http://x/1.jpg;http://x/2.jpg;http://x/3.jpg"
BOOK_CROSSING = PageSample(
    "data-sets/book-crossing.md",
    {
        "BX-Users.csv": _quoted(
            "User-ID;Location;Age",
            "1;nyc, new york, usa;NULL",
            "2;köln, nordrhein-westfalen, germany;18",
            "3;moscow, yukon territory, russia;NULL",
        ),
        "BX-Books.csv": _quoted(
            "ISBN;Book-Title;Book-Author;Year-Of-Publication;Publisher" + _COVERS,
            "034545104X;Flesh Tones;A. Writer;2002;Ballantine" + _COVER,
            '0155061224;The \\"normal\\" world;B. Writer;0;Heinle' + _COVER,
            "0446520802;Café Bleu;A. Writer;1996;Warner" + _COVER,
        ),
        "BX-Book-Ratings.csv": _quoted(
            "User-ID;ISBN;Book-Rating",
            "1;034545104X;0",
            "2;0155061224;5",
            "2;0446520802;10",
            "3;3499999999;7",
        ),
    },
    {"users": 3, "items": 4, "interactions": 4, "facts": 6, "entities": 5},
    {
        "users": [{"user_id": "2", "location": "köln, nordrhein-westfalen, germany", "age": 18}],
        "items": [
            {"item_id": "0155061224", "title": 'The "normal" world', "year": None},
            {"item_id": "0446520802", "title": "Café Bleu", "year": 1996},
            {"item_id": "3499999999", "title": "", "year": None},
        ],
        "interactions": [
            {"item_id": "0155061224", "rating": 5.0, "event": "rate"},
            {"item_id": "034545104X", "rating": None, "event": "read"},
        ],
        "entities": [{"entity_id": "author:A. Writer", "name": "A. Writer", "kind": "author"}],
    },
    encoding="latin-1",
)

HETREC_LASTFM = PageSample(
    "data-sets/hetrec.md",
    {
        "artists.dat": "id\tname\turl\tpictureURL\n1\tMALICE MIZER\thttp://x/1\thttp://y/1\n"
        '51\tSome "Band\thttp://x/51\t\n52\tRöyksopp\thttp://x/52\thttp://y/52\n',
        "tags.dat": "tagID\ttagValue\n1\tmetal\n2\tchillout\n",
        "user_artists.dat": "userID\tartistID\tweight\n2\t51\t13883\n2\t52\t11690\n3\t1\t12\n",
        "user_friends.dat": "userID\tfriendID\n2\t275\n275\t2\n",
        "user_taggedartists.dat": "userID\tartistID\ttagID\tday\tmonth\tyear\n"
        "2\t52\t2\t1\t4\t2009\n3\t52\t2\t1\t4\t2009\n3\t1\t1\t1\t9\t2008\n3\t99\t1\t1\t9\t2008\n",
        "user_taggedartists-timestamps.dat": "userID\tartistID\ttagID\ttimestamp\n"
        "2\t52\t2\t1238536800000\n",
    },
    {"users": 3, "items": 3, "interactions": 3, "facts": 4, "entities": 2},
    {
        "items": [{"item_id": "51", "title": 'Some "Band'}],
        "interactions": [{"user_id": "2", "item_id": "51", "event": "listen", "plays": 13883}],
        "facts": [
            {"head": "2", "head_type": "user", "relation": "friend_of", "tail": "275"},
            {"head": "52", "relation": "tagged", "tail": "tag:2", "tail_type": "entity"},
        ],
        "entities": [{"entity_id": "tag:2", "name": "chillout", "kind": "tag"}],
    },
)

_MOVIES = (
    "id\ttitle\timdbID\tspanishTitle\timdbPictureURL\tyear\trtID\trtAllCriticsRating\n"
    "1\tToy story\t0114709\tToy story (juguetes)\thttp://x/1\t1995\ttoy_story\t9\n"
    "2\tLéon\t0110413\tEl profesional\thttp://x/2\t1994\tleon\t7.1\n"
)
HETREC_MOVIELENS = PageSample(
    "data-sets/hetrec.md",
    {
        "movies.dat": _MOVIES,
        "user_ratedmovies-timestamps.dat": "userID\tmovieID\trating\ttimestamp\n"
        "75\t1\t1\t1162160236000\n75\t2\t4.5\t1162160624000\n78\t2\t3\t1176713208000\n",
        "movie_genres.dat": "movieID\tgenre\n1\tAdventure\n1\tAnimation\n2\tCrime\n",
        "movie_directors.dat": "movieID\tdirectorID\tdirectorName\n1\tjohn_lasseter\t"
        "John Lasseter\n2\tluc_besson\tLuc Besson\n",
        "movie_actors.dat": "movieID\tactorID\tactorName\tranking\n1\ttom_hanks\tTom Hanks\t1\n"
        "1\tjohn_lasseter\tJohn Lasseter\t3\n1\tsomebody\tSomebody\t11\n",
        "movie_countries.dat": "movieID\tcountry\n1\tUSA\n2\tFrance\n",
    },
    {"users": 2, "items": 2, "interactions": 3, "facts": 9, "entities": 8},
    {
        "items": [{"item_id": "2", "title": "Léon", "year": 1994}],
        "interactions": [{"user_id": "75", "item_id": "2", "rating": 4.5, "timestamp": 1162160624}],
        "entities": [
            {"entity_id": "person:john_lasseter", "name": "John Lasseter", "kind": "director|actor"}
        ],
    },
    encoding="latin-1",
    number=1,
)

HETREC_DELICIOUS = PageSample(
    "data-sets/hetrec.md",
    {
        "bookmarks.dat": "id\tmd5\ttitle\turl\tmd5Principal\turlPrincipal\n"
        "1\tab\tIFLA - the site\thttp://x/1\tcd\tx\n7\tef\tCafé\thttp://x/7\tcd\tx\n",
        "user_taggedbookmarks-timestamps.dat": "userID\tbookmarkID\ttagID\ttimestamp\n"
        "8\t1\t1\t1289255362000\n8\t7\t2\t1289255159000\n9\t7\t2\t1289255159000\n",
        "user_contacts-timestamps.dat": "userID\tcontactID\ttimestamp\n8\t28371\t1286305330000\n",
        "bookmark_tags.dat": "bookmarkID\ttagID\ttagWeight\n1\t1\t276\n7\t2\t13\n",
        "tags.dat": "id\tvalue\n1\tcollection\n2\tlibrary\n",
    },
    {"users": 3, "items": 2, "interactions": 3, "facts": 3, "entities": 2},
    {
        "interactions": [{"user_id": "8", "item_id": "1", "timestamp": 1289255362, "event": "tag"}],
        "entities": [{"entity_id": "tag:2", "name": "library", "kind": "tag"}],
    },
    encoding="latin-1",
    number=2,
)

LASTFM_1K = PageSample(
    "data-sets/lastfm-1k.md",
    {
        "userid-profile.tsv": "#id\tgender\tage\tcountry\tregistered\n"
        "user_000001\tm\t\tJapan\tAug 13, 2006\nuser_000002\tf\t\tPeru\tFeb 24, 2006\n",
        "userid-timestamp-artid-artname-traid-traname.tsv": "".join(
            "\t".join(row) + "\n"
            for row in (
                ("user_000001", "2009-05-04T23:08:57Z", "f1b1cf71", "Deep Dish", "", "Flashdance"),
                (
                    "user_000001",
                    "2009-05-04T13:54:10Z",
                    "a7f7df4a",
                    'Some "Band',
                    "t1",
                    "Song (Live)",
                ),
                ("user_000001", "2009-05-04T13:52:04Z", "a7f7df4a", 'Some "Band', "t2", '"Two"'),
                ("user_000002", "2009-05-04T13:42:52Z", "", "Nobody", "t3", "Three"),
                (
                    "user_000002",
                    "2009-05-04T13:42:11Z",
                    "a7f7df4a",
                    'Some "Band',
                    "t1",
                    "Song (Live)",
                ),
            )
        ),
    },
    {"users": 2, "items": 3, "interactions": 4, "facts": 2, "entities": 1},
    {
        "users": [{"user_id": "user_000001", "gender": "m", "registered": "Aug 13, 2006"}],
        "items": [{"item_id": "t2", "title": '"Two"'}],
        "interactions": [{"user_id": "user_000001", "item_id": "t1", "timestamp": 1241445250}],
        "entities": [{"entity_id": "a7f7df4a", "name": 'Some "Band', "kind": "artist"}],
    },
)

TAOBAO = PageSample(
    "data-sets/taobao.md",
    {
        "UserBehavior.csv": "1,2268318,2520377,pv,1511544070\n1,2333346,2520771,buy,1511561733\n"
        "2,2268318,2520377,fav,1511572885\n2,2576651,149192,cart,1511593493\n"
        "2,2576651,149192,pv,-1509500000\n",
    },
    {"users": 2, "items": 3, "interactions": 4, "facts": 3, "entities": 3},
    {
        "interactions": [
            {"user_id": "1", "item_id": "2268318", "event": "view", "timestamp": 1511544070},
            {"user_id": "2", "item_id": "2268318", "event": "favourite"},
            {"user_id": "2", "item_id": "2576651", "event": "cart"},
        ],
        "facts": [{"head": "2576651", "relation": "in_category", "tail": "category:149192"}],
    },
)

_BOOKS = (
    "book_id,goodreads_book_id,best_book_id,work_id,books_count,isbn,isbn13,authors,"
    "original_publication_year,original_title,title,language_code,average_rating,ratings_count,"
    "work_ratings_count,work_text_reviews_count,ratings_1,ratings_2,ratings_3,ratings_4,ratings_5,"
    "image_url,small_image_url\n"
    "1,2767052,2767052,2792775,272,439023483,9.78043902348e+12,Suzanne Collins,2008.0,The Hunger "
    'Games,"The Hunger Games (The Hunger Games, #1)",eng,4.34,4780653,4942365,155254,66715,127936,'
    "560092,1481305,2706317,https://x/1.jpg,https://x/1s.jpg\n"
    '2,3,3,4640799,491,439554934,9.78043955493e+12,"J.K. Rowling, Mary GrandPré",1997.0,Harry '
    'Potter,"Harry Potter (#1)",eng,4.44,4602479,4800065,75867,75504,101676,455024,1156318,3011543,'
    "https://x/2.jpg,https://x/2s.jpg\n"
)
GOODBOOKS = PageSample(
    "data-sets/goodbooks-10k.md",
    {
        "books.csv": _BOOKS,
        "ratings.csv": "user_id,book_id,rating\n1,1,5\n2,2,4\n2,1,3\n",
        "to_read.csv": "user_id,book_id\n9,2\n",
        "book_tags.csv": "goodreads_book_id,tag_id,count\n3,30574,1000\n3,9,7\n2767052,30574,100\n",
        "tags.csv": "tag_id,tag_name\n9,--1-\n30574,fantasy\n",
    },
    {"users": 3, "items": 2, "interactions": 4, "facts": 5, "entities": 4},
    {
        "items": [
            {"item_id": "1", "title": "The Hunger Games (The Hunger Games, #1)", "year": 2008}
        ],
        "interactions": [{"user_id": "9", "item_id": "2", "rating": None, "event": "to_read"}],
        "facts": [
            {"head": "2", "relation": "written_by", "tail": "author:Mary GrandPré"},
            {"head": "1", "relation": "tagged", "tail": "tag:30574"},
        ],
        "entities": [{"entity_id": "tag:30574", "name": "fantasy", "kind": "tag"}],
    },
)

_WATCHED = "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio\n"
KUAIREC = PageSample(
    "data-sets/kuairec.md",
    {
        "big_matrix.csv": _WATCHED
        + "0,3649,13838,10867,2020-07-05 00:08:23.438,20200705,1593878903.438,1.27\n"
        "0,9598,23665,10984,2020-07-05 00:13:41.297,20200705,1593879221.297,2.15\n",
        "small_matrix.csv": _WATCHED
        + "14,148,4381,6067,2020-07-05 05:27:48.378,20200705,1593898068.378,2.72\n"
        "14,183,11635,6100,,,,2.9\n",
        "item_categories.csv": 'video_id,feat\n148,[8]\n183,"[27, 9]"\n3649,[9]\n9598,[26]\n',
        "social_network.csv": "user_id,friend_list\n14,[0]\n",
        "user_features.csv": "user_id,user_active_degree,is_lowactive_period,is_live_streamer,"
        "is_video_author,follow_user_num,follow_user_num_range,fans_user_num,fans_user_num_range,"
        "friend_user_num,friend_user_num_range,register_days,register_days_range,onehot_feat0\n"
        '0,high_active,0,0,0,5,"(0,10]",0,0,0,0,107,61-90,0\n'
        '14,full_active,0,0,1,386,"(250,500]",4,"[1,10)",2,"[1,5)",327,181-365,1\n',
        "item_daily_features.csv": "video_id,date\n0,20200705\n",
    },
    {"users": 2, "items": 4, "interactions": 3, "facts": 6, "entities": 4},
    {
        "users": [{"user_id": "0", "follow_user_num_range": "(0,10]"}],
        "interactions": [
            {"user_id": "0", "item_id": "9598", "timestamp": 1593879221, "split": "train"},
            {"user_id": "14", "item_id": "183", "timestamp": None, "split": "test"},
        ],
        "facts": [
            {"head": "183", "relation": "in_category", "tail": "category:27"},
            {"head": "14", "head_type": "user", "relation": "friend_of", "tail": "0"},
        ],
    },
)

STEAM = PageSample(
    "data-sets/steam.md",
    {
        "steam_reviews.json.gz": "{u'username': u'someone', u'hours': 10.4, u'products': 159, "
        "u'product_id': u'725280', u'page_order': 0, u'date': u'2017-12-17', u'text': u'Fun', "
        "u'early_access': False, u'page': 1}\n"
        "{u'username': u'other', u'user_id': u'76561198', u'hours': 51.1, u'products': 9, "
        "u'product_id': u'328100', u'page_order': 1, u'date': u'2017-09-29', u'text': "
        "u\"It's good\", u'early_access': False, u'page': 1, u'compensation': u'Product "
        "received for free', u'found_funny': 2}\n",
        "steam_games.json.gz": "{u'publisher': u'Kotoshiro', u'genres': [u'Action', u'Indie'], "
        "u'app_name': u'Lost Summoner Kitty', u'title': u'Lost Summoner Kitty', "
        "u'url': u'http://x', "
        "u'release_date': u'2018-01-04', u'tags': [u'Strategy'], u'discount_price': 4.49, "
        "u'reviews_url': u'http://y', u'specs': [u'Single-player'], u'price': 4.99, "
        "u'early_access': False, u'id': u'725280', u'developer': u'Kotoshiro'}\n"
        "{u'app_name': u'Free one', u'price': u'Free to Play', u'id': u'328100', "
        "u'early_access': False, u'metascore': 80}\n"
        "{u'app_name': u'No id', u'early_access': False}\n",
    },
    {"users": 2, "items": 2, "interactions": 2, "facts": 4, "entities": 3, "reviews": 2},
    {
        "items": [{"item_id": "725280", "title": "Lost Summoner Kitty", "price": "4.99"}],
        "interactions": [{"user_id": "someone", "timestamp": 1513468800, "hours": 10.4}],
        "reviews": [{"user_id": "other", "text": "It's good", "timestamp": 1506643200}],
        "entities": [
            {"entity_id": "company:Kotoshiro", "name": "Kotoshiro", "kind": "developer|publisher"}
        ],
    },
)

STEAM_200K = PageSample(
    "data-sets/steam.md",
    {
        "steam-200k.csv": "151603712,The Elder Scrolls V Skyrim,purchase,1.0,0\n"
        "151603712,The Elder Scrolls V Skyrim,play,273.0,0\n"
        '59945701,"Warhammer, Dawn of War",purchase,1.0,0\n',
    },
    {"users": 2, "items": 2, "interactions": 3},
    {
        "items": [{"item_id": "Warhammer, Dawn of War", "title": "Warhammer, Dawn of War"}],
        "interactions": [{"user_id": "151603712", "event": "play", "hours": 273.0}],
    },
    number=1,
)

YELP = PageSample(
    "data-sets/yelp.md",
    {
        "yelp_academic_dataset_business.json": _lines(
            [
                {
                    "business_id": "b1",
                    "name": "Soup place",
                    "address": "1 Main St",
                    "city": "Tucson",
                    "state": "AZ",
                    "postal_code": "85711",
                    "latitude": 32.2,
                    "longitude": -110.8,
                    "stars": 4.0,
                    "review_count": 22,
                    "is_open": 0,
                    "attributes": {"WiFi": "u'free'", "BikeParking": "True"},
                    "categories": "Soup, Food",
                    "hours": {"Monday": "8:0-22:0"},
                },
                {
                    "business_id": "b2",
                    "name": "Café",
                    "address": "",
                    "city": "Tucson",
                    "state": "AZ",
                    "postal_code": "85711",
                    "latitude": 32.2,
                    "longitude": -110.8,
                    "stars": 4.5,
                    "review_count": 5,
                    "is_open": 1,
                    "attributes": None,
                    "categories": None,
                    "hours": None,
                },
            ]
        ),
        "yelp_academic_dataset_review.json": _lines(
            [
                {
                    "review_id": "r1",
                    "user_id": "u1",
                    "business_id": "b1",
                    "stars": 3.0,
                    "useful": 0,
                    "funny": 0,
                    "cool": 0,
                    "text": "If you decide\nto eat here",
                    "date": "2018-07-07 22:09:11",
                },
                {
                    "review_id": "r2",
                    "user_id": "u2",
                    "business_id": "b2",
                    "stars": 5.0,
                    "useful": 1,
                    "funny": 0,
                    "cool": 1,
                    "text": "Good",
                    "date": "2012-01-03 15:28:18",
                },
            ]
        ),
        "yelp_academic_dataset_user.json": _lines(
            [
                {
                    "user_id": "u1",
                    "name": "Walker",
                    "review_count": 585,
                    "yelping_since": "2007-01-25 16:47:26",
                    "useful": 7217,
                    "funny": 1259,
                    "cool": 5994,
                    "elite": "2007",
                    "friends": "u2, gone",
                    "fans": 267,
                    "average_stars": 3.91,
                    "compliment_hot": 250,
                },
                {
                    "user_id": "u2",
                    "name": "Daniel",
                    "review_count": 1,
                    "yelping_since": "2009-01-25 04:35:42",
                    "useful": 0,
                    "funny": 0,
                    "cool": 0,
                    "elite": "",
                    "friends": "None",
                    "fans": 0,
                    "average_stars": 5.0,
                    "compliment_hot": 0,
                },
            ]
        ),
        "yelp_academic_dataset_tip.json": _lines(
            [
                {
                    "user_id": "u2",
                    "business_id": "b1",
                    "text": "Avengers time",
                    "date": "2012-05-18 02:17:21",
                    "compliment_count": 0,
                }
            ]
        ),
        "yelp_academic_dataset_checkin.json": _lines(
            [{"business_id": "b1", "date": "2020-03-13 21:10:56, 2020-06-02 22:18:06"}]
        ),
    },
    {"users": 2, "items": 2, "interactions": 3, "reviews": 2, "facts": 5, "entities": 3},
    {
        "items": [
            {"item_id": "b1", "title": "Soup place", "categories": "Soup|Food", "is_open": 0}
        ],
        "interactions": [
            {"user_id": "u1", "rating": 3.0, "timestamp": 1531001351, "event": "review"},
            {"user_id": "u2", "item_id": "b1", "rating": None, "event": "tip"},
        ],
        "reviews": [{"review_id": "r1", "text": "If you decide\nto eat here"}],
        "facts": [
            {"head": "b2", "relation": "in_city", "tail": "city:Tucson, AZ"},
            {"head": "u1", "relation": "friend_of", "tail": "u2", "tail_type": "user"},
        ],
    },
)

_ADDED = "Fri Mar 10 12:00:00 -0800 2017"
GOODREADS = PageSample(
    "data-sets/goodreads.md",
    {
        "goodreads_books_poetry.json.gz": _lines(
            [
                {
                    "isbn": "",
                    "text_reviews_count": "1",
                    "series": [],
                    "country_code": "US",
                    "language_code": "eng",
                    "popular_shelves": [{"count": "8", "name": "to-read"}],
                    "asin": "",
                    "is_ebook": "false",
                    "average_rating": "3.83",
                    "kindle_asin": "",
                    "similar_books": ["2", "999"],
                    "description": "Poems.",
                    "format": "Paperback",
                    "link": "https://x/1",
                    "authors": [
                        {"author_id": "15585", "role": ""},
                        {"author_id": "7", "role": "Translator"},
                    ],
                    "publisher": "Faber",
                    "num_pages": "88",
                    "publication_day": "",
                    "isbn13": "",
                    "publication_month": "",
                    "edition_information": "",
                    "publication_year": "1998",
                    "url": "https://x/1",
                    "image_url": "https://y/1",
                    "book_id": "1",
                    "ratings_count": "46",
                    "work_id": "5384",
                    "title": "The Wanting Seed",
                    "title_without_series": "The Wanting Seed",
                },
                {
                    "isbn": "",
                    "text_reviews_count": "0",
                    "series": [],
                    "country_code": "US",
                    "language_code": "",
                    "popular_shelves": [],
                    "asin": "B0",
                    "is_ebook": "true",
                    "average_rating": "4",
                    "kindle_asin": "",
                    "similar_books": [],
                    "description": "",
                    "format": "",
                    "link": "https://x/2",
                    "authors": [{"author_id": "7", "role": ""}],
                    "publisher": "",
                    "num_pages": "",
                    "publication_day": "",
                    "isbn13": "",
                    "publication_month": "",
                    "edition_information": "",
                    "publication_year": "",
                    "url": "https://x/2",
                    "image_url": "https://y/2",
                    "book_id": "2",
                    "ratings_count": "2",
                    "work_id": "1",
                    "title": "Wild",
                    "title_without_series": "Wild",
                },
            ]
        ),
        "goodreads_interactions_poetry.json.gz": _lines(
            [
                {
                    "user_id": "8842281e",
                    "book_id": "1",
                    "review_id": "r1",
                    "is_read": True,
                    "rating": 4,
                    "review_text_incomplete": "",
                    "date_added": _ADDED,
                    "date_updated": _ADDED,
                    "read_at": "",
                    "started_at": "",
                },
                {
                    "user_id": "72fb0d01",
                    "book_id": "2",
                    "review_id": "r2",
                    "is_read": False,
                    "rating": 0,
                    "review_text_incomplete": "",
                    "date_added": _ADDED,
                    "date_updated": _ADDED,
                    "read_at": "",
                    "started_at": "",
                },
            ]
        ),
        "goodreads_reviews_poetry.json.gz": _lines(
            [
                {
                    "user_id": "8842281e",
                    "book_id": "1",
                    "review_id": "r1",
                    "rating": 4,
                    "review_text": "Fine.",
                    "date_added": _ADDED,
                    "date_updated": _ADDED,
                    "read_at": "",
                    "started_at": "",
                    "n_votes": 1,
                    "n_comments": 0,
                }
            ]
        ),
        "goodreads_book_authors.json.gz": _lines(
            [
                {
                    "average_rating": "3.98",
                    "author_id": "15585",
                    "text_reviews_count": "7",
                    "name": "Anthony Burgess",
                    "ratings_count": "49",
                },
                {
                    "average_rating": "4.08",
                    "author_id": "7",
                    "text_reviews_count": "28716",
                    "name": "Somebody",
                    "ratings_count": "546796",
                },
            ]
        ),
    },
    {"users": 2, "items": 2, "interactions": 2, "reviews": 1, "facts": 4, "entities": 2},
    {
        "items": [
            {
                "item_id": "1",
                "title": "The Wanting Seed",
                "year": 1998,
                "pages": 88,
                "description": "Poems.",
                "is_ebook": False,
            }
        ],
        "interactions": [
            {"user_id": "8842281e", "rating": 4.0, "timestamp": 1489176000, "event": "read"},
            {"user_id": "72fb0d01", "rating": None, "event": "shelve"},
        ],
        "facts": [
            {"head": "1", "relation": "written_by", "tail": "author:7", "tail_type": "entity"},
            {"head": "1", "relation": "similar_to", "tail": "2", "tail_type": "item"},
        ],
        "entities": [{"entity_id": "author:15585", "name": "Anthony Burgess", "kind": "author"}],
    },
)

SHOP = PageSample(
    "file-mapping.md",
    {
        "products.csv": "SKU;Name;Tags;is_eco;is_new;MakerId;Price\n"
        '007;Böcke;"wood, red";1;0;m1;12.50\n8;Stuhl;;0;0;;9.00\n',
        "makers.csv": "id,name\nm1,Ann & Söhne\n",
        "clicks-2023.csv": "1700000000000,v1,007,1\n1700000001000,v1,8,9\n",
        "clicks-2024.csv": "1710000000000,v2,007,2\n",
        "orders.tsv": "customer\tsku\tday\nv2\t8\t31/12/2023\n",
    },
    {"users": 2, "items": 2, "interactions": 3, "facts": 1, "entities": 1},
    {
        "items": [
            {"item_id": "007", "title": "Böcke", "tags": "wood|red", "labels": "eco", "Price": 12.5}
        ],
        "interactions": [
            {"user_id": "v1", "item_id": "007", "event": "view", "timestamp": 1700000000},
            {"user_id": "v2", "item_id": "8", "event": "buy", "timestamp": 1703980800},
        ],
        "entities": [{"entity_id": "maker:m1", "name": "Ann & Söhne", "kind": "maker"}],
    },
    encoding="latin-1",
)

PAGE_SAMPLES = (
    SHOP,
    BOOK_CROSSING,
    HETREC_LASTFM,
    HETREC_MOVIELENS,
    HETREC_DELICIOUS,
    LASTFM_1K,
    TAOBAO,
    GOODBOOKS,
    KUAIREC,
    STEAM,
    STEAM_200K,
    YELP,
    GOODREADS,
)
