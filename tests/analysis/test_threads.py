from __future__ import annotations

from made_up_chat import HOST, northmoor, post, rows_of

from analysis.normalising import normalise
from analysis.rows import SessionPost
from analysis.threads import Threads, build_threads


def thread(
    *posts: SessionPost, questions: tuple[str, ...] = (), hosts: tuple[str, ...] = ("x:NorthmoorHour",)
) -> Threads:
    rows = rows_of(*posts, chat=northmoor(*questions, hosts=hosts))
    return build_threads(rows, {p.id: normalise(p.text, {"northmoorhour"}) for p in rows.posts})


def answered(threads: Threads, post_id: str) -> tuple[str, float] | None:
    question = threads.find_question(post_id)
    if question is None:
        return None
    return question.name, max(answer.confidence for answer in threads.by_post[post_id])


Q1 = post(5, "Q1: How do you tell residents about bin days? #northmoorhour", HOST)
Q2 = post(20, "Q2: What would you never do again? #northmoorhour", HOST)


def test_a_marked_answer_belongs_to_its_question_and_says_why() -> None:
    found = thread(Q1, Q2, post(22, "A1: The evening before, with a photo"))
    assert [(a.question, a.reason) for a in found.answers] == [("northmoor-1-q1", "marked A1")]
    assert answered(found, "x:22") == ("Q1", 0.98)


def test_a_question_mark_used_by_a_participant_answers() -> None:
    found = thread(Q1, post(6, "Q1: we put a card through every door in Elmbridge Vale"))
    assert answered(found, "x:6") == ("Q1", 0.9)
    assert found.questions[0].repeats == ()


def test_a_repeat_by_a_cohost_is_a_question_and_no_answer() -> None:
    again = post(7, "Q1 here on our special #northmoorhour -- join in!", "x:cohost")
    same = post(8, "Q1: How do you tell residents about bin days?", "bluesky:host", platform="bluesky")
    found = thread(Q1, again, same)
    assert found.questions[0].repeats == ("x:7", "x:8")
    assert not found.answers


def test_hosts_who_are_not_named_are_found_by_what_they_ask() -> None:
    ask = post(5, "Q1: How do you tell residents about bin days?", "x:somebody")
    found = thread(ask, post(6, "A1: With photos of the lorry"), post(9, "Q2: And after?", "x:somebody"), hosts=())
    assert dict(found.hosts) == {"x:somebody": "asked Q1, Q2 first"}


def test_an_answerer_who_asks_back_does_not_become_a_host() -> None:
    found = thread(Q1, post(6, "Q1: photos, but how do you find the time?"), post(7, "A1: photos"))
    assert set(found.hosts) == {HOST}


def test_a_question_in_a_picture_is_read_from_its_alt_text() -> None:
    picture = post(5, "Q1 #northmoorhour", HOST, alt_texts=("Q1: How do you tell residents about bin days?",))
    assert thread(picture).questions[0].text == "How do you tell residents about bin days?"
    silent = post(5, "Over to you! #northmoorhour", HOST, alt_texts=("Q1: How do you tell residents?",))
    assert [q.name for q in thread(silent).questions] == ["Q1"]


def test_a_question_in_a_quoted_post_is_read_from_there() -> None:
    written = post(4, "How do you tell residents about bin days? #northmoorhour", "x:cohost", handle="cohost")
    quoting = post(5, "Q1 👇 #northmoorhour", HOST, quote_of=written.id, kind="quote")
    (question,) = thread(written, quoting).questions
    assert (question.name, question.text) == ("Q1", "How do you tell residents about bin days?")


def test_a_slip_of_a_mark_is_put_right_by_what_the_post_speaks_of() -> None:
    posts = [post(5, "Q1: How do you tell residents about bin days? #northmoorhour", HOST)]
    posts += [post(6 + n, f"A1: Reminder postcards, {word} calendars and stickers", f"x:a{n}")
              for n, word in enumerate(("kitchen", "fridge", "paper", "wall"))]  # fmt: skip
    posts.append(post(20, "Q2: How do you calm angry commenters during floods? #northmoorhour", HOST))
    posts += [post(21 + n, f"A2: Moderators apologise early, {word} volunteers ring angry commenters", f"x:b{n}")
              for n, word in enumerate(("trained", "friendly", "patient", "local"))]  # fmt: skip
    slip = post(27, "A1: Moderators apologise early and volunteers ring angry commenters", "x:slip")
    right = post(28, "A1: Fridge stickers and postcards, still", "x:late")
    found = thread(*posts, slip, right)
    assert [found.find_question(one.id).name for one in (slip, right)] == ["Q2", "Q1"]  # type: ignore[union-attr]
    assert "but posted while Q2 was being discussed" in found.by_post[slip.id][0].reason
    assert {answer.question for answer in found.by_post[slip.id]} == {"northmoor-1-q1", "northmoor-1-q2"}


def test_announced_questions_keep_their_wording_and_find_their_post() -> None:
    unmarked = post(5, "So: how do you tell residents about bin days, everybody?", HOST)
    asked = ("How do you tell residents about bin days?", "What would you never do again?")
    found = thread(unmarked, questions=asked)
    assert [(q.name, q.text, q.post) for q in found.questions] == [("Q1", asked[0], "x:5"), ("Q2", asked[1], None)]


def test_parts_of_a_question_stay_apart() -> None:
    found = thread(
        post(5, "Q1a What questions do you have?", HOST),
        post(6, "Q1b What would you recommend?", HOST),
        post(7, "A1b: photos of lorries"),
        post(8, "A1: how many channels are enough?"),
    )
    assert [q.id for q in found.questions] == ["northmoor-1-q1a", "northmoor-1-q1b"]
    assert answered(found, "x:7") == ("Q1b", 0.98)
    assert answered(found, "x:8") == ("Q1a", 0.98)


def test_replies_and_quotes_inherit_the_question() -> None:
    found = thread(
        Q1,
        post(6, "With photos of the lorry in our own street", reply_to="x:5", kind="reply"),
        post(7, "In Northmoor we do that with a card as well", "x:bob", reply_to="x:6", kind="reply"),
        post(21, "Postcards to every flat, twice a year", "x:cat", quote_of="x:5", kind="quote"),
        Q2,
    )
    assert answered(found, "x:6") == ("Q1", 0.9)
    assert answered(found, "x:7") == ("Q1", 0.75)
    assert answered(found, "x:21") == ("Q1", 0.85)


def test_chit_chat_in_reply_to_an_answer_answers_nothing() -> None:
    found = thread(
        Q1,
        post(6, "A1: With photos of the lorry"),
        post(7, "Ha, love this!", "x:bob", reply_to="x:6", kind="reply"),
        post(8, "Thanks so much for sharing your photos with all of us here", "x:bob", reply_to="x:6", kind="reply"),
    )
    assert answered(found, "x:7") is None
    assert answered(found, "x:8") is None


def test_an_unmarked_post_of_substance_answers_what_is_being_discussed() -> None:
    found = thread(Q1, Q2, post(24, "Sending the whole leaflet as one picture was our worst idea"))
    assert answered(found, "x:24") == ("Q2", 0.4)


def test_just_after_a_new_question_people_still_answer_the_last_one() -> None:
    found = thread(Q1, Q2, post(20.5, "A card on the bin lid the evening before, in big letters"))
    assert answered(found, "x:20.5") == ("Q1", 0.4)


def test_a_late_answer_belongs_by_its_mark_and_not_by_its_time() -> None:
    found = thread(Q1, Q2, post(20 * 60, "A1: slept on it: cards"), post(1300, "We also saw a heron on the roof today"))
    assert answered(found, "x:1200") == ("Q1", 0.98)
    assert answered(found, "x:1300") is None


def test_one_post_can_answer_two_questions() -> None:
    found = thread(Q1, Q2, post(25, "A1: cards on bins. A2: never a film without captions"))
    assert [a.question for a in found.answers] == ["northmoor-1-q1", "northmoor-1-q2"]


def test_a_question_nobody_saw_is_listed_when_several_answer_it() -> None:
    found = thread(Q1, post(30, "A3: posters"), post(31, "A3: cards", "x:bob"), post(32, "A9: what?", "x:bob"))
    assert [(q.name, q.post, q.text) for q in found.questions][1] == (
        "Q3",
        None,
        "(the question itself was not captured)",
    )
    assert answered(found, "x:31") == ("Q3", 0.98)
    assert answered(found, "x:32") is None


def test_a_bonus_question_needs_no_number() -> None:
    bonus = post(50, "Bonus question: what was your favourite post this year?", HOST)
    found = thread(
        Q1, bonus, post(51, "The one about the heron in the fountain", "x:bob", reply_to="x:50", kind="reply")
    )
    assert found.questions[1].post == "x:50"
    assert found.questions[1].number is None
    assert answered(found, "x:51") == ("the unnumbered question", 0.9)


def test_a_chat_without_numbers_takes_its_hosts_questions() -> None:
    found = thread(
        post(1, "Welcome! Who is here today?", HOST),
        post(5, "How do you tell residents about bin days?", HOST),
        post(6, "We put a card on every bin the evening before"),
    )
    assert [q.post for q in found.questions] == ["x:5"]
    assert answered(found, "x:6") == ("the unnumbered question", 0.4)


def test_a_reply_whose_target_is_not_told_goes_to_the_last_word_of_the_person_addressed() -> None:
    found = thread(
        Q1,
        post(6, "A1: With photos of the lorry", "x:bob", conversation="c"),
        Q2,
        post(26, "Do the drivers mind being in those photos?", kind="reply", reply_author="x:bob", conversation="c"),
    )
    assert found.parents == {"x:26": "x:6"}
    assert answered(found, "x:26") == ("Q1", 0.6)


def test_an_announcement_that_a_question_is_coming_asks_nothing() -> None:
    soon = post(4, "Q1. coming up #northmoorhour", HOST)
    answer = post(6, "A1: The evening before, with a photo", "x:bob")
    assert thread(soon, post(6, "We put a card through every door of the village last year")).questions == ()
    (asked,) = thread(soon, Q1, answer).questions
    assert (asked.text, asked.post) == ("How do you tell residents about bin days?", "x:5")
    (told,) = thread(soon, answer, questions=("How do you tell residents?",)).questions
    assert (told.text, told.post, told.asked_at) == ("How do you tell residents?", None, None)


def test_a_question_is_read_from_the_post_that_puts_it_in_words() -> None:
    (asked,) = thread(post(4, "Q1 is up! #northmoorhour", HOST), Q1, post(6, "A1: With a photo", "x:bob")).questions
    assert (asked.text, asked.post, asked.repeats) == ("How do you tell residents about bin days?", "x:5", ("x:4",))
    (bare,) = thread(post(4, "Q1 is up! #northmoorhour", HOST), post(6, "A1: With a photo", "x:bob")).questions
    assert bare.text == "(the question itself was not captured)"


def test_a_hosts_question_without_its_number_is_found_before_the_answers_to_it() -> None:
    posts = [
        post(5, "Q1: How do you tell residents about bin days? #northmoorhour", HOST),
        post(6, "A1: Postcards #northmoorhour", "x:bob"),
        post(10, "Our next question: Which tools save you time? #northmoorhour", HOST),
        post(11, "A2: Scheduling software #northmoorhour", "x:bob"),
        post(12, "A2: A shared calendar #northmoorhour", "x:cat"),
        post(20, "3. What will you do differently tomorrow? #northmoorhour", HOST),
        post(21, "A3: Sleep #northmoorhour", "x:bob"),
        post(22, "A3: Ask more #northmoorhour", "x:cat"),
    ]
    found = thread(*posts)
    assert [(question.name, question.post, question.text) for question in found.questions] == [
        ("Q1", "x:5", "How do you tell residents about bin days?"),
        ("Q2", "x:10", "Which tools save you time?"),
        ("Q3", "x:20", "What will you do differently tomorrow?"),
    ]


def test_a_link_by_time_alone_does_not_claim_that_words_agree() -> None:
    asked = [post(5, "Q1: How do you tell residents about bin days? #northmoorhour", HOST)]
    asked += [post(20, "Q2: What would you never do again? #northmoorhour", HOST)]
    soon = post(20.5, "Some of our colleagues photograph gritters whenever roads freeze", "x:bob")
    (answer,) = thread(*asked, soon).by_post[soon.id]
    assert answer.reason == "posted as Q2 was just asked, while people answered Q1"
