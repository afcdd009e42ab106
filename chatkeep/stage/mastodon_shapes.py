"""Writes staged posts, accounts and the server itself as Mastodon 4.6 shows them: shapes, ids and HTML."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from archive.models import normalise_tag
from archive.times import from_text
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost, tags_of

Shape = dict[str, object]

_ENTITY = re.compile(
    r"(?P<url>https?://[^\s<>\"]*[^\s<>\".,;:!?)'\]])"
    r"|(?<![\w&/])[#＃](?P<tag>\w+)"
    r"|(?<![\w/@.])@(?P<user>[A-Za-z0-9_]+(?:[.-]+[A-Za-z0-9_]+)*)(?:@(?P<host>\w[\w.-]*\w(?::\d+)?))?"
)
_URL_PARTS = re.compile(r"(?P<scheme>https?://(?:www\.)?)(?P<shown>.{0,30})(?P<rest>.*)", re.DOTALL)


def fold_tag(text: str) -> str:
    """A hashtag as Mastodon compares it: NFKC, lower case, accents dropped."""
    spread = unicodedata.normalize("NFKD", normalise_tag(text))
    return "".join(each for each in spread if not unicodedata.combining(each))


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may read hashtags. ``local`` and ``remote``: public, authenticated or disabled, as Mastodon 4.5 has it;
    ``told``: the server says so itself (older ones do not). ``closed``: nothing is answered without a token.
    ``scope`` is what the token may do; ``streams``: there is a stream, at ``streaming_url`` (None: this very server).
    """

    local: str = "public"
    remote: str = "public"
    told: bool = True
    closed: bool = False
    scope: str = "read"
    streams: bool = True
    streaming_url: str | None = None

    def needs_user(self, *, local: bool, remote: bool) -> bool:
        """Whether a timeline wants a signed-in user; asked for neither part alone, both must be public."""
        if local != remote:
            return (self.local if local else self.remote) != "public"
        return self.local != "public" or self.remote != "public"

    def hides(self, *, is_local: bool) -> bool:
        """Whether the posts of a part are left out of hashtag pages, without a word."""
        return (self.local if is_local else self.remote) == "disabled"


@dataclass(frozen=True, slots=True)
class Server:
    """One Mastodon server's view of the feed."""

    feed: Feed
    host: str

    def home_of(self, author: FeedAuthor) -> str:
        """The server that an author's account is on."""
        return author.handle.partition("@")[2] or self.host

    def is_local(self, author: FeedAuthor) -> bool:
        """Whether the account is this server's own."""
        return self.home_of(author) == self.host

    def id_of(self, post: FeedPost) -> int:
        """The id here: of the time of writing for own posts, of arrival for those that other servers deliver. A post
        whose key ends with "fetched" was fetched by its address: it is filed under its writing, below every cursor.
        """
        moment = post.at
        if not post.key.endswith("fetched") and not self.is_local(self.feed.author_of(post)):
            moment = self.arrival_of(post) or post.at
        return _snowflake(moment, f"{self.host} {post.key}")

    def arrival_of(self, post: FeedPost) -> str | None:
        """When this server first shows the post; None: never."""
        return post.arrivals.get(self.host, post.arrives_at or post.at)

    def shows(self, post: FeedPost, now: datetime) -> bool:
        """Whether the post is here at ``now``: arrived and not deleted."""
        arrival = self.arrival_of(post)
        if arrival is None or from_text(arrival) > now:
            return False
        return post.deleted_at is None or from_text(post.deleted_at) > now

    def uri_of(self, post: FeedPost) -> str:
        """The address that is the same on all servers."""
        author = self.feed.author_of(post)
        home = self.home_of(author)
        own_id = _snowflake(post.at, f"{home} {post.key}")
        return f"https://{home}/users/{_user(author)}/statuses/{own_id}"

    def url_of(self, post: FeedPost) -> str:
        """The page of the post on its own server."""
        author = self.feed.author_of(post)
        return f"https://{self.home_of(author)}/@{_user(author)}/{self.uri_of(post).rpartition('/')[2]}"

    def status(self, post: FeedPost, now: datetime, *, signed_in: bool = False, nested: bool = False) -> Shape:
        """The Status entity. A post quoted or boosted within another is shown without what it quotes itself."""
        parent = self._shown(post.reply_to, now)
        quoted = None if nested else self._shown(post.quote_of, now)
        boosted = None if nested else self._shown(post.repost_of, now)
        author, text, edited_at = self.feed.author_of(post), post.text_at(now), post.edited_at(now)
        shape: Shape = {
            "id": str(self.id_of(post)),
            "created_at": _milliseconds(post.claims_at or post.at),
            "in_reply_to_id": str(self.id_of(parent)) if parent else None,
            "in_reply_to_account_id": _account_id(self.feed.author_of(parent)) if parent else None,
            "sensitive": False,
            "spoiler_text": "",
            "visibility": post.visibility,
            "language": post.lang,
            "uri": self.uri_of(post),
            "url": self.url_of(post),
            "replies_count": self._count("reply_to", post, now),
            "reblogs_count": post.reposts_count,
            "favourites_count": post.likes_count,
            "quotes_count": self._count("quote_of", post, now),
            "edited_at": _milliseconds(edited_at) if edited_at else None,
        }
        if signed_in:
            shape |= dict.fromkeys(("favourited", "reblogged", "muted", "bookmarked"), False)
        quote_line = f'<p class="quote-inline">RE: {_link(self.url_of(quoted))}</p>' if quoted else ""
        shape |= {
            "content": quote_line + self.content(text, author),
            **({"filtered": []} if signed_in else {}),
            "reblog": self.status(boosted, now, signed_in=signed_in, nested=True) if boosted else None,
            **({"application": {"name": "Web", "website": None}} if self.is_local(author) else {}),
            "account": self.account(author),
            "media_attachments": self._media(post),
            "mentions": [self._mention(each) for each in self._mentioned(text, author)],
            "tags": [{"name": each, "url": f"https://{self.host}/tags/{each}"} for each in _folded_tags(text)],
            "emojis": [],
            "tagged_collections": [],
            "quote": self._quote(quoted, now, signed_in) if quoted else None,
            "card": None,
            "poll": None,
            "quote_approval": {"automatic": ["public"], "manual": [], "current_user": "denied"},
        }
        return shape

    def account(self, author: FeedAuthor) -> Shape:
        """The Account entity."""
        home, user = self.home_of(author), _user(author)
        pictures = {"avatar": "avatars", "avatar_static": "avatars", "header": "headers", "header_static": "headers"}
        return {
            "id": _account_id(author),
            "username": user,
            "acct": user if self.is_local(author) else f"{user}@{home}",
            "display_name": author.name,
            "locked": False,
            "bot": "bot" in author.labels,
            "discoverable": True,
            "indexable": True,
            "group": False,
            "created_at": "2022-11-05T00:00:00.000Z",
            "note": self.content(author.bio, author),
            "url": f"https://{home}/@{user}",
            "uri": f"https://{home}/users/{user}",
            **{name: f"https://{self.host}/{folder}/original/missing.png" for name, folder in pictures.items()},
            "avatar_description": "",
            "header_description": "",
            "followers_count": author.followers_count,
            "following_count": 0,
            "statuses_count": sum(post.author == author.key for post in self.feed.posts),
            "last_status_at": None,
            "hide_collections": None,
            "show_media": True,
            "show_media_replies": True,
            "show_featured": True,
            "noindex": "noindex" in author.labels,
            "feature_approval": {"automatic": [], "manual": [], "current_user": "denied"},
            "emojis": [],
            "roles": [],
            "fields": [],
        }

    def content(self, text: str, writer: FeedAuthor) -> str:
        """Plain text as Mastodon's HTML: paragraphs, line breaks, and anchors for links, hashtags and mentions."""
        parts, position = [], 0
        for match in _ENTITY.finditer(text):
            parts += [_escape(text[position : match.start()]), self._anchor(match, writer)]
            position = match.end()
        marked = "".join([*parts, _escape(text[position:])])
        paragraphs = [each for each in re.split(r"\n{2,}", marked.strip("\n")) if each]
        return "".join(f"<p>{each}</p>" for each in paragraphs).replace("\n", "<br>")

    def _anchor(self, match: re.Match[str], writer: FeedAuthor) -> str:
        if match["url"]:
            return _link(match["url"])
        if match["tag"]:
            address = f"https://{self.host}/tags/{fold_tag(match['tag'])}"
            return f'<a href="{address}" class="mention hashtag" rel="tag">#<span>{_escape(match["tag"])}</span></a>'
        named = self._named(match, writer)
        if named is None:
            return _escape(match[0])
        address = f"https://{self.home_of(named)}/@{_user(named)}"
        return (
            f'<span class="h-card" translate="no"><a href="{address}" class="u-url mention">'
            f"@<span>{_user(named)}</span></a></span>"
        )

    def _named(self, match: re.Match[str], writer: FeedAuthor) -> FeedAuthor | None:
        wanted = (match["user"].lower(), (match["host"] or self.home_of(writer)).lower())
        for author in self.feed.authors:
            if author.platform == "mastodon" and (_user(author).lower(), self.home_of(author).lower()) == wanted:
                return author
        return None

    def _mentioned(self, text: str, writer: FeedAuthor) -> list[FeedAuthor]:
        named = [self._named(match, writer) for match in _ENTITY.finditer(text) if match["user"]]
        return list({author.key: author for author in named if author is not None}.values())

    def _mention(self, author: FeedAuthor) -> Shape:
        account = self.account(author)
        return {name: account[name] for name in ("id", "username", "url", "acct")}

    def _quote(self, quoted: FeedPost, now: datetime, signed_in: bool) -> Shape:
        return {"state": "accepted", "quoted_status": self.status(quoted, now, signed_in=signed_in, nested=True)}

    def _shown(self, key: str | None, now: datetime) -> FeedPost | None:
        post = self.feed.by_key.get(key or "")
        return post if post is not None and self.shows(post, now) else None

    def _count(self, relation: str, post: FeedPost, now: datetime) -> int:
        return sum(getattr(each, relation) == post.key and self.shows(each, now) for each in self.feed.posts)

    def _media(self, post: FeedPost) -> list[Shape]:
        if post.alt_text is None:
            return []
        file_id = str(self.id_of(post) - 1)
        address = f"https://{self.host}/system/media_attachments/files/{file_id}"
        size: Shape = {"width": 600, "height": 400, "size": "600x400", "aspect": 1.5}
        return [
            {
                "id": file_id,
                "type": "image",
                "url": f"{address}/original/picture.png",
                "preview_url": f"{address}/small/picture.png",
                "remote_url": None,
                "preview_remote_url": None,
                "text_url": None,
                "meta": {"original": size, "small": size},
                "description": post.alt_text,
                "blurhash": "U8RD1VV@^+-;~qIAM|x]_2aeNGj[%Mt7xaRj",
            }
        ]

    def instance(self, access: Access, streaming_url: str) -> Shape:
        """The Instance entity (v2), less what no collector reads."""
        parts = {"local": access.local, "remote": access.remote}
        feeds = ("live_feeds", "hashtag_feeds", "trending_link_feeds")
        told: Shape = {"timelines_access": dict.fromkeys(feeds, parts)} if access.told else {}
        pages = ("about", "privacy_policy")
        return {
            "domain": self.host,
            "title": "A staged server",
            "version": "4.6.4",
            "source_url": "https://github.com/mastodon/mastodon",
            "description": "Everything here is fictional.",
            "usage": {"users": {"active_month": len(self.feed.authors)}},
            "languages": ["en"],
            "configuration": {
                "urls": {"streaming": streaming_url, "status": None, "terms_of_service": None}
                | {page: f"https://{self.host}/{page.replace('_', '-')}" for page in pages},
                "statuses": {"max_characters": 500, "max_media_attachments": 4, "characters_reserved_per_url": 23},
                "translation": {"enabled": False},
                **told,
                "limited_federation": False,
            },
            "api_versions": {"mastodon": 11},
            "contact": {"email": "", "account": None},
            "rules": [],
        }


def _folded_tags(text: str) -> list[str]:
    return list(dict.fromkeys(fold_tag(tag) for tag in tags_of(text)))


def _link(url: str) -> str:
    parts = _URL_PARTS.fullmatch(url)
    scheme, shown, rest = parts.groups() if parts else ("", url, "")
    spans = (("invisible", scheme), ("ellipsis" if rest else "", shown), ("invisible", rest))
    inner = "".join(f'<span class="{mark}">{_escape(text)}</span>' for mark, text in spans)
    return f'<a href="{_escape(url)}" target="_blank" rel="nofollow noopener" translate="no">{inner}</a>'


def _escape(text: str) -> str:
    return html.escape(text).replace("&#x27;", "&#39;")


def _user(author: FeedAuthor) -> str:
    return author.handle.partition("@")[0]


def _account_id(author: FeedAuthor) -> str:
    return str(_snowflake("2022-11-05T00:00:00.000Z", author.key))


def _snowflake(moment: str, seed: str) -> int:
    """Unix milliseconds << 16, and 16 bits that are the same on every run."""
    since = from_text(moment) - datetime.fromtimestamp(0, UTC)
    low = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:2], "big")
    return since // timedelta(milliseconds=1) << 16 | low


def _milliseconds(moment: str) -> str:
    return from_text(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")
