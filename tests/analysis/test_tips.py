from __future__ import annotations

import pytest
from made_up_chat import analyse, kinds_in, post, tips_in

from analysis.features import Context, find_wanted, is_question
from analysis.instructions import find_instruction
from analysis.languages import is_english
from analysis.questions import Question
from analysis.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Use plain English in every post", "do"),
        ("Always put the time in every update", "do"),
        ("In alt text, say what the picture is for", "do"),
        ("Small town tip: put the step and the ramp in every event post", "do"),
        ("When somebody is right, say so and mean it", "do"),
        ("You need to answer within the hour", "do"),
        ("The key is to answer within the hour", "do"),
        ("It helps to read the post aloud before it goes out", "do"),
        ("I would recommend a rota for weekends", "do"),
        ("We always reply within the hour, and it works", "do"),
        ("We photograph the paper notice and type the text underneath", "do"),
        ("Make sure residents can find the form", "do"),
        ("Don't delete complaints", "dont"),
        ("Never post a picture of a flooded home without asking", "dont"),
        ("Avoid jargon", "dont"),
        ("I'd steer clear of memes on a bad day", "dont"),
        ("You shouldn't argue with a troll after ten at night", "dont"),
        ("We stopped scheduling at weekends and complaints halved", "dont"),
        ("For example, Castleford-on-Sea Council named its gritters with schoolchildren", "example"),
        ("Last year we ran a quiz about bins and reports of missed bins doubled", "example"),
        ("Our youth panel cut the survey to 40 words, and answers went from 4 to 212", "example"),
        ("A template for house rules: https://resources.northmoor.example/rules", "resource"),
        ("Check out this guide to alt text https://guides.northmoor.example/alt", "resource"),
        ("The whole list: https://words.northmoor.example/planning", "resource"),
        ("We struggle with sign-off at weekends", "concern"),
        ("It is so hard to reach people who are not online", "concern"),
        ("There is not enough time for alt text with one officer", "concern"),
        ("I don't know who we miss, and that keeps me awake", "concern"),
        ("How do you reach tenants who never read email?", "question"),
    ],
)
def test_each_kind_is_found_with_a_reason(text: str, kind: str) -> None:
    found = [tip for tip in tips_in(f"A1: {text}. #northmoorhour".replace("?.", "?")) if tip.kind == kind]
    assert found, text
    assert found[0].reason
    assert 0.5 <= found[0].score <= 1


@pytest.mark.parametrize(
    "text",
    [
        "So many good tips tonight, taking notes!",
        "Great advice, thank you!",
        "Thanks everyone, what a lovely hour",
        "Hi all, Ann from Elmbridge Vale here, looking forward to the chat",
        "Please introduce yourselves: name, job and council",
        "Please RT",
        "Don't think we ever had such a chat",
        "Don't forget to register now for our webinar next Tuesday",
        "Join us on Thursday for the next one",
        "20% off our planner, sign up today https://planner.example/offer",
        "Looking forward to it",
        "Have a great evening all, take care",
        "Love this!",
        "Totally agree with you there, so true",
        "This!",
        "How are you all?",
        "Great, right?",
        "Obviously you should reply in capitals 🙃",
        "Time is short today",
        "Missed the start, which question are we on?",
    ],
)
def test_what_is_no_tip_is_left_out(text: str) -> None:
    assert not kinds_in(f"{text} #northmoorhour", asked=Context()), tips_in(text, asked=Context())


def test_headlines_with_many_hashtags_are_adverts() -> None:
    tags = " ".join(f"#tag{n}" for n in range(7))
    assert not kinds_in(f"Use our planner to write better posts {tags}", asked=Context())


def test_a_list_holds_as_many_tips_as_items() -> None:
    tips = tips_in("A2: 1) Reply fast 2) Be human 3) Always link the page that you keep up to date")
    assert [tip.text for tip in tips if tip.kind == "do"] == [
        "Reply fast",
        "Be human",
        "Always link the page that you keep up to date",
    ]


def test_sentences_that_could_stand_alone_are_tips_of_their_own_and_an_explanation_joins() -> None:
    tips = tips_in("A1: Use plain English. It halves the phone calls. Reply within the hour.")
    assert [tip.text for tip in tips] == ["Use plain English. It halves the phone calls.", "Reply within the hour."]


def test_a_span_points_into_the_original_text() -> None:
    text = "@bob A1: Hello again. Use #PlainEnglish &amp; short words, always. #northmoorhour"
    (tip,) = (tip for tip in tips_in(text) if tip.kind == "do")
    assert text[tip.start : tip.end] == "Use #PlainEnglish &amp; short words, always."
    assert tip.text == "Use PlainEnglish & short words, always."


def test_reasons_quote_the_words_and_name_the_question() -> None:
    (tip,) = tips_in("A1: Use plain English")
    assert tip.reason == "gives an instruction: 'Use plain English'; answers Q1"


def test_what_a_question_asks_for_helps_what_no_rule_knows() -> None:
    question = Question("q", 2, "", None, "What one tip would you give a new colleague?", None)
    wanted, tones = find_wanted(question.text)
    assert "do" in wanted
    asked = Context(question, "marked", wanted=wanted, tones=tones)
    assert kinds_in("A2: Plain English and a biscuit for everybody", asked=asked) == {"do"}
    assert tips_in("A2: Plain English and a biscuit for everybody", asked=asked)[0].reason.endswith("answers Q2")
    assert not kinds_in("A2: Plain English and a biscuit for everybody")


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What tools or websites do you use for alt text?", "resource"),
        ("Which councils do this well?", "example"),
        ("What are the biggest challenges with sign-off?", "concern"),
        ("What mistakes should a new officer avoid?", "dont"),
    ],
)
def test_questions_say_what_they_ask_for(question: str, kind: str) -> None:
    assert kind in find_wanted(question)[0]


def test_a_mark_makes_an_uncertain_tip_surer() -> None:
    text = "It helps to read the post aloud"
    marked, unlinked = tips_in(text), tips_in(text, asked=Context())
    assert marked[0].score > (unlinked[0].score if unlinked else 0)


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("A1: Peidiwch â rhoi'r ddwy iaith mewn un llun, mae'n anodd i bobl ei ddarllen ar ffôn", "cy"),
        ("A1: Defnyddiwch Gymraeg clir bob amser, a gofynnwch i bobl yn y dref", None),
        ("A1: نكتب الرسالة بالعربية أولًا ثم نسأل شخصين من الحي", "ar"),
        ("A1: সহজ ভাষায় লিখুন, ছোট বাক্যে", None),
        ("A1: Piszemy krótko: jeden obrazek, jedna data i nie więcej się nie da", "pl"),
        ("🎉🎉🎉", None),
        ("", None),
    ],
)
def test_other_languages_and_scripts_give_no_english_tips(text: str, lang: str | None) -> None:
    assert tips_in(text, lang=lang) == []


def test_words_that_english_shares_with_another_language_are_no_instruction() -> None:
    assert tips_in("A1: Test den Text mit der Klasse und nicht nur auf dem Papier", lang="de") == []


def test_a_repost_has_no_tips_of_its_own() -> None:
    first = post(5, "Use plain English in every post #northmoorhour")
    again = post(6, first.text, "x:bob", repost_of=first.id, kind="repost")
    assert {tip.proposal.post for tip in analyse(first, again).tips} == {first.id}


def test_a_wrong_language_label_does_not_hide_plain_english() -> None:
    assert is_english("Put the time in every update so that people know when it was sent", "nl")
    assert is_english("Avoid jargon", "und")
    assert not is_english("Mae hyn yn bwysig i ni", None)
    assert not is_english("সহজ ভাষায় লিখুন, ছোট বাক্যে", None)
    assert not is_english("Use نكتب الرسالة بالعربية أولا ثم نسأل", None)


def test_a_question_is_a_real_one() -> None:
    assert is_question("How do you get councillors to use plain English?")
    assert not is_question('They ask "how could we do that?" and then they do it')
    assert not is_question("It works, right?")
    assert not is_question("How are you all tonight?")
    assert not is_question("Use plain English")


def test_instructions_are_told_from_nouns_and_idioms() -> None:
    assert find_instruction("Plan the week on Monday") == ("instruction", "Plan the week on")
    assert find_instruction("After the flood, tell people when the lorries come") == (
        "instruction_after",
        "tell people when the",
    )
    for text in (
        "Time is short",
        "Look forward to it",
        "Work has been mad",
        "Share if you agree",
        "Agreed",
        "Keep it up!",
    ):
        found = find_instruction(text)
        assert found is None or text == "Share if you agree", text


def test_sentences_end_where_a_reader_would_end_them() -> None:
    text = "Ask e.g. the library. Then wait!\nOne line more | and another? Yes."
    assert [piece.text for piece in split_sentences(text)] == [
        "Ask e.g. the library.",
        "Then wait!",
        "One line more",
        "and another?",
        "Yes.",
    ]
    assert [piece.text for piece in split_sentences("Three: ✅ be quick ✅ be kind")] == [
        "Three:",
        "be quick",
        "be kind",
    ]
    assert split_sentences("… !! ?") == []


@pytest.mark.parametrize(
    "text", ["a ", "don't ", "! ", "(", "if you ", "@a ", "A", "1) ", "The The ", "we really ", "word, ", "-"]
)
def test_a_long_hostile_text_is_read_to_its_end(text: str) -> None:
    assert isinstance(tips_in(text * (4_900 // len(text))), list)


@pytest.mark.parametrize(
    "text",
    [
        "We have a brass band and a cousin called Maureen",
        "We once wrote a poem about drains. It was read by my aunt",
        "I count unopened letters. It is going terribly",
        "Our tone of voice guide is 80 pages on being short",
        "No snow in Castleford-on-Sea, unless one counts the foam party",
    ],
)
def test_who_only_tells_or_came_to_nothing_advises_nothing_even_where_asked(text: str) -> None:
    question = Question("q", 2, "", None, "What works best, and what tips do you have to avoid mistakes?", None)
    wanted, tones = find_wanted(question.text)
    asked = Context(question, "marked", wanted=wanted, tones=tones)
    assert not kinds_in(f"A2: {text}.", asked=asked) & {"do", "dont"}


def test_what_is_had_ready_is_a_practice() -> None:
    question = Question("q", 2, "", None, "How do you deal with rumours?", None)
    asked = Context(question, "marked", tones=find_wanted(question.text)[1])
    assert kinds_in("A2: We have the answer written, with a photo of the weir, ready to go", asked=asked) == {"do"}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ('Try to avoid "it has come to our attention that"', {"dont"}),
        ("Remember not to shout", {"dont"}),
        ("We test every letter on a neighbour and don't send it above reading age 10", {"do"}),
        ("We dropped three newsletters that nobody opened", set()),
        ("I'd avoid clicks as the headline", {"dont"}),
        ("Ask two neighbours the day after: what do you remember of it?", {"do"}),
    ],
)
def test_a_tip_has_its_right_kind(text: str, kinds: set[str]) -> None:
    assert kinds_in(f"A1: {text}.".replace("?.", "?")) == kinds


@pytest.mark.parametrize(
    ("text", "kind", "tip"),
    [
        ("Say it twice. Nobody reads every post of yours.", "do", "Say it twice. Nobody reads every post of yours."),
        (
            "Phone them first. Really. I phoned a man who wrote daily.",
            "do",
            "Phone them first. Really. I phoned a man who wrote daily.",
        ),
        (
            "Figures for the mayor, faces for the crews. Always keep both of them.",
            "do",
            "Figures for the mayor, faces for the crews. Always keep both of them.",
        ),
        (
            "Jokes about us are fine. Never about the tenant.",
            "dont",
            "Jokes about us are fine. Never about the tenant.",
        ),
        (
            "Show the polling cards as pictures. And always say that the pass is free: https://vote.northmoor.example/pass",
            "do",
            "Show the polling cards as pictures. And always say that the pass is free: https://vote.northmoor.example/pass",
        ),
        (
            "Publish the whole timetable. A template: https://vote.northmoor.example/dates",
            "resource",
            "Publish the whole timetable. A template: https://vote.northmoor.example/dates",
        ),
        ("Thanks Ann! Ask it aloud before you post.", "do", "Ask it aloud before you post."),
        ("Thank helpers by name. And don't name the farmer.", "dont", "And don't name the farmer."),
    ],
)
def test_a_tip_can_be_read_alone(text: str, kind: str, tip: str) -> None:
    assert tip in [one.text for one in tips_in(f"A1: {text} #northmoorhour") if one.kind == kind]


def test_a_span_holds_the_link_that_its_colon_leads_to() -> None:
    text = "A1: Link to the one official page: https://vote.northmoor.example/who #northmoorhour"
    tip = next(tip for tip in tips_in(text) if tip.kind == "do")
    assert text[tip.start : tip.end] == tip.text == "Link to the one official page: https://vote.northmoor.example/who"


def test_a_fragment_that_answers_nothing_is_no_tip() -> None:
    assert not kinds_in("@ann Print it", asked=Context())
    assert kinds_in("@ann Print the map on paper for people without phones", asked=Context()) == {"do"}


def test_what_only_leads_in_to_a_list_is_no_tip() -> None:
    tips = tips_in("A1: I ask every team the same two things. 1) Say what changes 2) Give the last day")
    assert [tip.text for tip in tips] == ["Say what changes", "Give the last day"]


def test_a_sentence_is_not_cut_within_or_after_a_quotation_that_it_goes_on_from() -> None:
    text = '"Elm Row or Mill Row?" got 900 replies; "Have your say" got 31. We write “Get out. Now.” and stop. "Yes."'
    assert [piece.text for piece in split_sentences(text)] == [
        '"Elm Row or Mill Row?" got 900 replies; "Have your say" got 31.',
        "We write “Get out. Now.” and stop.",
        '"Yes."',
    ]
    assert [piece.text for piece in split_sentences('Say "out". Then go.')] == ['Say "out".', "Then go."]


@pytest.mark.parametrize(
    "text",
    ["I don't think you should stop using the local paper", "Does anyone know how to get members to stop arguing?"],
)
def test_what_denies_or_asks_is_no_warning(text: str) -> None:
    assert "dont" not in kinds_in(text)
