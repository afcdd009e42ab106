from __future__ import annotations

import random

from analysis.nouns import find_others, read_words
from analysis.themes import find_themes

SUBJECTS = {
    "bins": "bins lorries rounds collection residents calendar",
    "floods": "flood warning river sandbags shelter wardens",
    "alt": "pictures captions screen readers contrast colours",
    "votes": "election polling ballot deadline register photo",
}


def texts(count: int) -> dict[str, str]:
    chance = random.Random(5)
    names = sorted(SUBJECTS)
    found = {}
    for n in range(count):
        words = [*chance.sample(SUBJECTS[names[n % 4]].split(), 4), "northmoorhour"]
        found[f"x:{n:03d}"] = " ".join(words)
    return found


def test_posts_of_one_subject_share_a_theme() -> None:
    themes = find_themes("s", texts(60), ["northmoorhour"])
    assert sum(len(theme.posts) for theme in themes) == 60
    for theme in themes:
        assert len({int(post[2:]) % 4 for post in theme.posts}) == 1
        assert theme.post in theme.posts
        assert 1 <= len(theme.label.split(", ")) <= 3
        assert "northmoorhour" not in theme.terms


def test_too_few_posts_or_no_words_make_no_themes() -> None:
    for count in (0, 1, 2, 7):
        assert find_themes("s", texts(count)) == ()
    assert find_themes("s", {f"x:{n}": "🎉 the of and" for n in range(20)}) == ()
    assert find_themes("s", {f"x:{n}": f"different{'abcdefghijklmnopqrst'[n]}" for n in range(20)}) == ()


def test_the_same_posts_give_the_same_themes_in_any_order() -> None:
    found = texts(40)
    shuffled = dict(random.Random(1).sample(sorted(found.items()), 40))
    assert find_themes("s", found) == find_themes("s", shuffled)
    assert len({theme.id for theme in find_themes("s", found)}) == len(find_themes("s", found))


TALK = (
    "Write the alt text before you post the photo of the lorry.",
    "We write short alt text, and the photo comes last.",
    "They came late to the flood meeting at the shelter.",
    "The flood came at night and we opened the shelter.",
    "Your notice is urgent.",
    "Avoid the short notice; put the alt text under the photo.",
    "When they come to the shelter after a flood, say where the beds are.",
    "You should avoid a photo without alt text.",
    "A flood is no time for jokes at the shelter.",
    "We read the comments each night and hide the trolls.",
    "The trolls read our comments, so we write for the others.",
    "Read the comments twice before you answer the trolls.",
    "They come for the comments and stay for the trolls.",
)


def test_labels_name_things_in_the_phrases_that_people_use() -> None:
    themes = find_themes("s", {f"x:{n:02d}": text for n, text in enumerate(TALK * 2)})
    terms = {term for theme in themes for term in theme.label.split(", ")}
    assert {"alt text", "shelter", "comments"} <= {*terms, *(word for term in terms for word in term.split())}
    assert not terms & {"write", "came", "come", "avoid", "read", "short", "late", "say"}


def test_verbs_and_adjectives_are_told_by_the_words_around_them() -> None:
    others = find_others([read_words(text) for text in TALK])
    assert {"write", "avoid", "read", "urgent"} <= others
    assert not others & {"flood", "shelter", "comments", "trolls", "photo"}
