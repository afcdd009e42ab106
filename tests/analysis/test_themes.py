from __future__ import annotations

import random

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
        assert len(theme.label.split(", ")) == 3
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
