"""What columns of public data are called."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a column seems to hold."""

    USER = "user_id"
    ITEM = "item_id"
    RATING = "rating"
    TIME = "timestamp"
    EVENT = "event"
    TEXT = "text"
    TITLE = "title"
    SPLIT = "split"


# In order of preference where a table has several.
_NAMES: Final[dict[Role, tuple[str, ...]]] = {
    Role.USER: (
        *("userid", "user", "uid", "useridx", "usersk", "userno", "reviewerid", "visitorid"),
        *("memberid", "member", "customerid", "customer", "custid", "clientid", "buyerid"),
        *("listenerid", "playerid", "viewerid", "accountid", "profileid", "personid", "cookieid"),
        *("authorsteamid", "steamid", "username", "reviewer", "visitor", "sessionid", "session"),
        "readerid",
    ),
    Role.ITEM: (
        *("itemid", "item", "iid", "itemidx", "parentasin", "asin", "isbn", "sku"),
        *("productid", "product", "bookid", "movieid", "movie", "filmid", "film", "videoid"),
        *("trackid", "track", "songid", "song", "traid", "musicid", "animeid", "gameid", "game"),
        *("businessid", "business", "restaurantid", "hotelid", "recipeid", "newsid", "articleid"),
        *("appid", "app", "contentid", "podcastid", "showid", "courseid", "beerid", "wineid"),
        *("poiid", "venueid", "placeid", "locationid", "listingid", "jobid", "adid", "photoid"),
        *("bookmarkid", "docid", "paperid", "artistid", "artist", "artid", "book", "video"),
        *("mal_id", "malid", "gmapid", "tmdbid", "goodsid", "merchandiseid", "repoid"),
    ),
    Role.RATING: (
        *("rating", "score", "stars", "overall", "bookrating", "ratings", "rate", "userrating"),
        *(
            "reviewscore",
            "reviewoverall",
            "overallrating",
            "myrating",
            "preference",
            "reviewrating",
            "starrating",
        ),
    ),
    Role.TIME: (
        *("timestamp", "unixreviewtime", "unixtime", "ts", "time", "datetime", "eventtime"),
        *(
            "createdat",
            "created",
            "createdtime",
            "eventdate",
            "tdat",
            "dateadded",
            "date",
            "reviewdate",
            "reviewtime",
        ),
        *("timestamps", "ratedat", "playedat", "visitedat", "purchasedat", "day", "submitted"),
    ),
    Role.EVENT: (
        *("event", "eventtype", "behavior", "behaviortype", "behaviour", "action", "actiontype"),
        *("interactiontype", "activity"),
    ),
    Role.TEXT: (
        *("reviewtext", "text", "review", "reviewbody", "reviewcontent", "comment", "body"),
    ),
    Role.TITLE: (
        *("title", "name", "booktitle", "producttitle", "productname", "movietitle", "itemname"),
        *("appname", "trackname", "traname", "songtitle", "songname", "gametitle", "moviename"),
        *("videoname", "artistname", "animename", "businessname", "originaltitle", "headline"),
        *("bezeichnung", "artikelbezeichnung", "produktbezeichnung", "artikelname", "produktname"),
        *("titel", "buchtitel", "filmtitel"),
    ),
    Role.SPLIT: ("split",),
}
# Columns of items that hold names of other things: the relation, and the kind of these things.
FACTS: Final = {
    "author": ("written_by", "author"),
    "authors": ("written_by", "author"),
    "bookauthor": ("written_by", "author"),
    "authorid": ("written_by", "author"),
    "publisher": ("published_by", "publisher"),
    "publishers": ("published_by", "publisher"),
    "developer": ("developed_by", "developer"),
    "developers": ("developed_by", "developer"),
    "brand": ("has_brand", "brand"),
    "manufacturer": ("made_by", "manufacturer"),
    "store": ("sold_by", "store"),
    "director": ("directed_by", "director"),
    "directors": ("directed_by", "director"),
    "actors": ("stars", "actor"),
    "cast": ("stars", "actor"),
    "starring": ("stars", "actor"),
    "artist": ("performed_by", "artist"),
    "artists": ("performed_by", "artist"),
    "genre": ("has_genre", "genre"),
    "genres": ("has_genre", "genre"),
    "moviegenres": ("has_genre", "genre"),
    "category": ("in_category", "category"),
    "categories": ("in_category", "category"),
    "categoryid": ("in_category", "category"),
    "maincategory": ("in_category", "category"),
    "tag": ("tagged", "tag"),
    "tags": ("tagged", "tag"),
    "tagid": ("tagged", "tag"),
    "city": ("in_city", "city"),
    "country": ("from_country", "country"),
    "countries": ("from_country", "country"),
    "studio": ("made_by", "studio"),
    "studios": ("made_by", "studio"),
    "series": ("in_series", "series"),
    "album": ("on_album", "album"),
}
# Columns of items that hold the ids of other items.
SIMILAR: Final = ("similar", "related", "also", "boughttogether", "recommended")
FRIENDS: Final = (
    *("friendid", "friend", "contactid", "contact", "followerid", "follower", "followeeid"),
    *("followee", "trusteeid", "trustee", "friends", "friendlist", "trustid", "trust"),
)
VALUES: Final = ("value", "name", "label", "title", "tagvalue", "tagname")


def plain(name: str) -> str:
    """A name in small letters, without the signs between its words, and without the type that
    RecBole and neo4j-admin add (``user_id:token``)."""
    bare = name.split(":")[0] or name
    return "".join(sign for sign in bare.lower() if sign.isalnum())


def rank(name: str, role: Role) -> int | None:
    """How well a name fits a role, 0 is best; None if it doesn't."""
    names = _NAMES[role]
    return names.index(plain(name)) if plain(name) in names else None


def is_known(name: str) -> bool:
    """Whether a name is that of any role."""
    return any(plain(name) in names for names in _NAMES.values()) or plain(name) in (
        *FACTS,
        *FRIENDS,
        "id",
    )
