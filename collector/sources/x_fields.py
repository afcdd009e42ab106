"""What is asked of X beside the posts themselves, in both dialects, and what one post can cost at most with it.

An expansion is billed like the posts and users that it brings. So none is asked for that has no bound and no reader:
the accounts that a text mentions (a text can name dozens), the posts that a picture was taken from. What an account
was answered by and the older wordings are expansions only where the dialect has no field for them; the older wordings
also come with lookups, since a recheck an hour after the session finds every edit that X allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dialect = Literal["legacy", "modern"]
Kind = Literal["search", "lookup"]

# Tenths of a US cent, X's price list of 2026 (docs.x.com, x-api/getting-started/pricing): a post or a user is billed
# once a UTC day, a count by the request.
PRICE_OF_A_POST = 5
PRICE_OF_A_USER = 10
PRICE_OF_RECENT_COUNTS = 5
PRICE_OF_ALL_COUNTS = 10

_REFERENCES_OF_A_POST = 2  # what it answers and what it quotes; reposts are not searched for
_EDITS_OF_A_POST = 5  # X's most, each with an id of its own

# All public fields by X's API description 2.166 and 2.167. X drops an unknown name in silence and bills the answer,
# so tests hold these against the descriptions.
_TWEET_FIELDS = """
article attachments author_id card_uri community_id context_annotations conversation_id created_at display_text_range
edit_controls edit_history_tweet_ids entities geo id in_reply_to_user_id lang media_metadata note_tweet
paid_partnership possibly_sensitive public_metrics referenced_tweets reply_settings scopes source text withheld
"""
_MEDIA_EXPANSIONS = "article.cover_media article.media_entities attachments.media_keys"
_COMMON_EXPANSIONS = f"{_MEDIA_EXPANSIONS} attachments.poll_ids author_id geo.place_id"
_TWEET_EXPANSIONS = f"""
{_COMMON_EXPANSIONS} referenced_tweets.id referenced_tweets.id.attachments.media_keys referenced_tweets.id.author_id
"""
_TWEET_LOOKUP_EXPANSIONS = f"{_COMMON_EXPANSIONS} edit_history_tweet_ids"
_POST_FIELDS = """
article attachments card_uri community_id context_annotations conversation_id created_at display_text_range
edit_controls entities geo id lang media_metadata note_post paid_partnership possibly_sensitive public_metrics
reply_settings scopes source text withheld
"""
_POST_EXPANSIONS = f"{_COMMON_EXPANSIONS} edit_history_post_ids in_reply_to_user_id referenced_posts"
_USER_FIELDS = """
created_at description entities id is_identity_verified location name parody profile_banner_url profile_image_url
protected public_metrics subscription_type url username verified verified_followers_count verified_type withheld
"""
_LEGACY_USER_FIELDS = "affiliation most_recent_tweet_id pinned_tweet_id"
_MEDIA_FIELDS = "alt_text duration_ms height media_key preview_image_url public_metrics type url variants width"
_POLL_FIELDS = "duration_minutes end_datetime id options voting_status"
_PLACE_FIELDS = "contained_within country country_code full_name geo id name place_type"


def build_fields(dialect: Dialect, kind: Kind = "search") -> dict[str, list[str]]:
    """What to ask for, in tweepy's parameter names. The dialects must not be mixed: X then drops data in silence."""
    common = {"media_fields": _MEDIA_FIELDS, "poll_fields": _POLL_FIELDS, "place_fields": _PLACE_FIELDS}
    if dialect == "modern":
        own = {"post_fields": _POST_FIELDS, "expansions": _POST_EXPANSIONS, "user_fields": _USER_FIELDS}
    else:
        own = {
            "tweet_fields": _TWEET_FIELDS,
            "expansions": _TWEET_EXPANSIONS if kind == "search" else _TWEET_LOOKUP_EXPANSIONS,
            "user_fields": f"{_USER_FIELDS} {_LEGACY_USER_FIELDS}",
        }
    return {name: names.split() for name, names in (own | common).items()}


@dataclass(frozen=True, slots=True)
class _Most:
    """How many posts and users one asked-for post can bring, itself included."""

    posts: int
    users: int


_MOST: dict[tuple[Dialect, Kind], _Most] = {
    ("legacy", "search"): _Most(posts=1 + _REFERENCES_OF_A_POST, users=1 + _REFERENCES_OF_A_POST),
    ("legacy", "lookup"): _Most(posts=1 + _EDITS_OF_A_POST, users=1),
    ("modern", "search"): _Most(posts=1 + _REFERENCES_OF_A_POST + _EDITS_OF_A_POST, users=2 + _REFERENCES_OF_A_POST),
    ("modern", "lookup"): _Most(posts=1 + _REFERENCES_OF_A_POST + _EDITS_OF_A_POST, users=2 + _REFERENCES_OF_A_POST),
}


def worst_of_a_post(dialect: Dialect, kind: Kind) -> int:
    """The most that one post of an answer can cost with all that comes along, in tenths of a US cent."""
    most = _MOST[dialect, kind]
    return most.posts * PRICE_OF_A_POST + most.users * PRICE_OF_A_USER
