from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.model import Cell, CellKind, Submission
from grader.prose import find_reflection, is_prompt, own_text, repetition, sentences, strip_markdown, tokens, words

# --- sentences ------------------------------------------------------------------------------

COUNTED = {
    "plain": ("I learned EM today. It was hard! Was it worth it? Yes, it was.", 4),
    "no capitals": ("i learned em today. it was hard. sampling is easy.", 3),
    "no stop at the end": ("I learned EM today. It was hard", 2),
    "abbreviations": (
        "Models, e.g. mixtures, i.e. sums of Gaussians, approx. 3 of them, work. See Fig. 2 by Dr. Lee.",
        2,
    ),
    "etc. inside and at the end": ("I tried K, N, etc. in the code. It fits circles, boxes, etc. The rest failed.", 3),
    "decimals and versions": ("The accuracy was 0.89 vs. 0.86 in v1.2 of it. That is a gap of 3.4 percent.", 2),
    "ellipses": ("I tried... and tried again. Then… it worked well. I was glad...", 3),
    "question marks in a row": ("Why does it work?? I still wonder!!! Who knows?!", 3),
    "quotes and brackets": ('She said "It works." Then we left (it was late.) The end came.', 3),
    "missing blank": ("EM is quite hard.But it works well.The end is near.", 3),
    "code is no sentence": ("I used np.Array and model.Fit(x) and file.txt here. It was fine.", 2),
    "line wraps": ("I learned that EM\nalternates two steps. It\nnever lowers the likelihood.", 2),
    "lines without stops": ("I learned the EM algorithm\nSampling was the hardest part\nI would use more data", 3),
    "bullets": ("- I learned the EM algorithm\n- Sampling was fun to write\n- I want to try VAEs", 3),
    "numbered": ("1. I learned EM well.\n2. Sampling was fun. It was fast too.\n3. BIC chose three.", 4),
    "numbers inside a line": ("1. I learned EM well. 2. Sampling was fun. 3. BIC chose three.", 3),
    "short bullets are one sentence": ("I learned three things here:\n- EM\n- sampling\n- BIC", 1),
    "emoji after the stop": ("It was great! 🎉🎉 I loved it. 😀 The end came.", 3),
    "emoji for a stop": ("It was really great 🎉 I loved every part 😀 Then it ended", 3),
    "initials": ("The method of A. P. Dempster is old. It still works today.", 2),
    "a letter at the end": ("BIC helped me to choose K. Then I sampled from it.", 2),
    "German": ("Das EM-Verfahren ist z. B. für Mischungen da. Es hat zwei Schritte, d.h. E und M. Gut so!", 3),
    "French": ("J’ai appris l’algorithme EM. C’était difficile ! Et pourquoi ? Je ne sais pas.", 4),
    "Spanish": ("Aprendí mucho sobre EM. ¿Fue difícil? ¡Claro que sí! Ahora lo entiendo.", 4),
    "Russian": ("Я изучил алгоритм EM, т.е. два шага. Это было трудно! Почему это так? Не знаю, но работает.", 4),
    "Greek": ("Έμαθα τον αλγόριθμο. Ήταν δύσκολο; Ναι, ήταν πολύ.", 3),
    "Chinese": ("我学会了EM算法。它交替进行两步！为什么有效？因为似然不会下降。", 4),
    "Chinese with ASCII stops": ("我学会了EM算法.它交替进行两步!为什么有效?因为似然不会下降.", 4),
    "Chinese over lines": ("我学会了高斯混合\n模型的算法。它很有用。", 2),
    "Japanese": ("EMアルゴリズムを学びました。とても難しかったです！でも楽しかった。", 3),
    "Korean": ("EM 알고리즘을 배웠습니다. 어려웠지만 재미있었습니다! 왜 그럴까요? 더 배우고 싶습니다.", 4),
    "Arabic": ("تعلمت خوارزمية التوقع. هل كانت صعبة؟ نعم، كانت صعبة جدا. لكنها مفيدة!", 4),
    "Persian": ("من الگوریتم را یاد گرفتم. آیا سخت بود؟ بله، بسیار سخت بود.", 3),
    "Urdu": ("میں نے بہت کچھ سیکھا۔ یہ مشکل تھا۔ کیا یہ مفید ہے؟", 3),
    "Hebrew": ("למדתי את האלגוריתם. זה היה קשה! האם זה שימושי? כן, מאוד.", 4),
    "Hindi": ("मैंने बहुत कुछ सीखा। यह कठिन था। क्या यह उपयोगी है? हाँ, बहुत उपयोगी है।", 4),
    "Armenian": ("Ես սովորեցի ալգորիթմը։ Դա դժվար էր։", 2),
    "Amharic": ("ብዙ ተምሬያለሁ። ከባድ ነበር።", 2),
    "Burmese": ("ကျွန်တော် အများကြီး သင်ယူခဲ့သည်။ ခက်ခဲသည်။", 2),
    "Khmer": ("ខ្ញុំបានរៀនច្រើន។ វាពិបាកណាស់។", 2),
    "nothing": ("", 0),
    "no words": ("... !!! --- 🎉", 0),
    "one label": ("Answer:", 1),
}


@pytest.mark.parametrize("case", COUNTED)
def test_sentences_are_counted(case: str) -> None:
    text, count = COUNTED[case]
    assert len(sentences(text)) == count, sentences(text)


def test_thai_sentences_are_estimated() -> None:
    one = "ฉันได้เรียนรู้ว่าแบบจำลองผสมเกาส์เซียนแบ่งข้อมูลออกเป็นกลุ่ม"
    assert len(sentences(one)) == 1
    assert 3 <= len(sentences(" ".join([one] * 4))) <= 5


@given(st.text(max_size=200))
def test_sentences_lose_no_word(text: str) -> None:
    found = sentences(text)
    assert all(words(sentence) >= 1 for sentence in found)
    assert len(found) <= len(text)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        pytest.param("I don't know the state-of-the-art, really.", 6, 6, id="English"),
        pytest.param("मैंने बहुत कुछ सीखा", 4, 4, id="Hindi"),
        pytest.param("我学会了高斯混合模型的期望最大化算法", 9, 14, id="Chinese"),
        pytest.param("とても難しかったですが楽しかった", 6, 10, id="Japanese"),
        pytest.param("알고리즘을 배웠습니다", 2, 6, id="Korean"),
        pytest.param("ฉันได้เรียนรู้แบบจำลองผสมเกาส์เซียน", 5, 10, id="Thai"),
        pytest.param("1 2 3 4.5 -- ...", 0, 0, id="numbers"),
        pytest.param("e\u0301tude e\u0301tude", 2, 2, id="combining"),
    ],
)
def test_words_are_counted(text: str, low: int, high: int) -> None:
    assert low <= words(text) <= high


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("## Reflection ##\ntext", "Reflection\n\ntext"),
        ("**bold** _italic_ `code` ~~gone~~ snake_case_name", "bold italic code gone snake_case_name"),
        ("[link](http://x.y/z.w) ![picture](data:image/png;base64,AAA)", "link"),
        ("> quoted\n> > twice", "quoted\ntwice"),
        ("- [x] done\n* star\n3) third", "• done\n• star\n• third"),
        ("a<br>b &lt;c&gt; <!-- hidden\nwords --> d", "a\nb <c>  d"),
        ("```python\nx = 1\n```\nafter", "after"),
        ("| a | b |\n|---|---|\n| c | d |", "a   b\n\nc   d"),
        ("the value $x. Y$ counts", "the value  formula  counts"),
        ("***\ntext\n---", "text"),
        ("<div style='x'>text</div>", "text"),
        ("1\\. not a list \\*", "1. not a list *"),
    ],
)
def test_markdown_is_stripped(markdown: str, plain: str) -> None:
    assert strip_markdown(markdown) == plain


def test_code_can_be_kept() -> None:
    assert strip_markdown("```\nI learned.\n```", keep_code=True) == "I learned."


@pytest.mark.parametrize(
    "text", ["[" * 50_000, "<!--" * 20_000, "$" * 50_000, "*" * 50_000, "<a" * 30_000, ". " * 50_000]
)
def test_hostile_prose_is_no_trap(text: str) -> None:
    assert isinstance(sentences(strip_markdown(text)), tuple)
    assert 0 <= repetition(text) <= 1


# --- where it is ----------------------------------------------------------------------------

OWN = (
    "I learned that EM alternates between two steps and that it never lowers the likelihood. "
    "Sampling was easy once the weights were right. The hardest part for me was the covariance update. "
    "Next time I would plot the responsibilities first."
)
TEMPLATE = (
    "# Activity\n\nIn this activity you build a generative model. Work through the cells from top to bottom.",
    "## Reflection\n\nReflection (3-5 sentences):\n\n"
    "- What did the mixture learn about the data, and where would it fail?\n"
    "- When would you choose a generative and when a discriminative model?",
    "*Write your reflection here.*",
    "## What's next\n\nThis activity is graded on:\n\n- correct E-step, M-step and sampling, and training that works\n"
    "- both classifiers\n\nGreat work on your first generative model! Next activity: build a variational autoencoder.",
)


def notebook(*cells: str) -> Submission:
    """Cells of markdown; those that start with ">>>" are code."""
    made = [
        Cell(i, CellKind.CODE, text[3:].lstrip("\n")) if text.startswith(">>>") else Cell(i, CellKind.MARKDOWN, text)
        for i, text in enumerate(cells, 1)
    ]
    return Submission("s", "s", "", cells=tuple(made))


FOUND = {
    "in the template's cell": ([TEMPLATE[0], TEMPLATE[1], OWN, TEMPLATE[3]], (3,), "heading"),
    "below the prompt in its cell": ([TEMPLATE[0], TEMPLATE[1] + "\n\n" + OWN, TEMPLATE[3]], (2,), "heading"),
    "prompt replaced": (["## Reflection\n" + OWN, TEMPLATE[3]], (1,), "heading"),
    "placeholder left in place": ([TEMPLATE[1], TEMPLATE[2] + "\n\n" + OWN, TEMPLATE[3]], (2,), "heading"),
    "in several cells": (
        ["## Reflection", OWN[:88], ">>>x = 1", OWN[88:], "## What's next\n\nMore."],
        (2, 4),
        "heading",
    ),
    "on the heading's line": (["**Reflection:** " + OWN], (1,), "heading"),
    "bold heading": (["**My reflection**\n\n" + OWN], (1,), "heading"),
    "HTML heading": (["<h2>Reflection</h2>\n" + OWN], (1,), "heading"),
    "plain word as heading": (["Reflection\n\n" + OWN], (1,), "heading"),
    "mentioned in the contents too": (["## Contents\n1. GMM\n2. Reflection", "## Reflection\n" + OWN], (2,), "heading"),
    "in a string": ([">>>reflection = '''" + OWN + "'''"], (1,), "string"),
    "printed below the heading": (["## Reflection", ">>>print('''" + OWN + "''')"], (2,), "string"),
    "in comments": (["## Reflection", ">>># " + OWN.replace(". ", ".\n# ")], (2,), "comment"),
    "in comments that say so": ([">>>x = 1", ">>># Reflection:\n# " + OWN.replace(". ", ".\n# ")], (2,), "comment"),
    "in a fence": (["## Reflection\n```\n" + OWN + "\n```"], (1,), "heading"),
    "without a heading": (["# Title", ">>>x = 1", OWN, TEMPLATE[3]], (3,), "last"),
    "raw lines in sub-headings": (
        ["## Reflection\n### What I learned\n" + OWN[:88], "### Next\n" + OWN[88:]],
        (1, 2),
        "heading",
    ),
}


@pytest.mark.parametrize("case", FOUND)
def test_reflections_are_found(case: str) -> None:
    cells, where, kind = FOUND[case]
    found = find_reflection(notebook(*cells), TEMPLATE)
    assert (found.cells, found.kind) == (where, kind)
    assert tokens(found.text) == tokens(OWN)
    assert len(sentences(found.text)) == 4


HEADINGS = (
    "Reflexión|Réflexions personnelles|Reflexion|Riflessione|Reflexão|Рефлексия|Рефлексія|反思|感想|振り返り|회고"
    "|느낀 점|تأمل|تأملات|רפלקציה|चिंतन|Suy ngẫm|Düşüncelerim|Αναστοχασμός|ข้อคิด|Refleksi|Refleksja|Reflectie"
    "|What I learned|5. REFLECTION (3-5 sentences)"
)


@pytest.mark.parametrize("heading", HEADINGS.split("|"))
def test_headings_in_many_languages(heading: str) -> None:
    found = find_reflection(
        notebook("## Kode\n" + "more prose of the course " * 9, f"## {heading}\n\n{OWN}", "## End\n\nBye.")
    )
    assert found.kind == "heading"
    assert found.cells == (2,)


def test_chinese_reflection() -> None:
    text = "我学会了高斯混合模型。期望最大化算法交替进行两步，似然不会下降。采样很容易。"
    found = find_reflection(notebook("## 反思（3-5句）\n" + text))
    assert len(sentences(found.text)) == 3
    assert words(found.text) >= 15


def test_the_template_alone_is_no_reflection() -> None:
    found = find_reflection(notebook(*TEMPLATE), TEMPLATE)
    assert words(found.text) == 0
    assert found.kind == "none"


def test_the_template_slightly_changed_is_no_reflection() -> None:
    cells = [text.replace("mixture", "Mixture model").replace("first ", "very first ") for text in TEMPLATE]
    assert words(find_reflection(notebook(*cells), TEMPLATE).text) < 25


def test_prompts_are_known_without_a_template() -> None:
    assert words(find_reflection(notebook("## Reflection\nWrite 3-5 sentences here about what you learned.")).text) == 0


def test_a_short_reflection_is_kept_short() -> None:
    found = find_reflection(notebook(TEMPLATE[1], "EM was hard. I liked sampling.", TEMPLATE[3]), TEMPLATE)
    assert found.text == "EM was hard. I liked sampling."


def test_answers_beside_the_questions() -> None:
    cell = (
        "## Reflection\n"
        "- What did the mixture learn about the data, and where would it fail? It learned three clusters.\n"
        "- When would you choose a generative and when a discriminative model? I choose the first to draw new points."
    )
    found = find_reflection(notebook(cell), TEMPLATE)
    assert sentences(found.text) == ("It learned three clusters.", "I choose the first to draw new points.")


PROMPTS = (
    "Write your reflection here.|*Double-click to edit*|TODO|Your answer:|[Your reflection here]||---"
    "|What was the most challenging part for you?|Write 3 to 5 sentences.|Schreibe hier deine Reflexion, 3 bis 5 Sätze."
)


@pytest.mark.parametrize("text", PROMPTS.split("|"))
def test_prompts(text: str) -> None:
    assert is_prompt(text)


@pytest.mark.parametrize("text", OWN.split(". "))
def test_own_words_are_no_prompt(text: str) -> None:
    assert not is_prompt(text, TEMPLATE)
    assert own_text(text, TEMPLATE) == text


def test_repetition() -> None:
    assert repetition(OWN) < 0.1
    assert repetition("I learned a lot today. " * 5) > 0.7
    assert repetition("good " * 40) > 0.9
    assert repetition("I learned EM well. I learned EM well. It was fun to do.") >= 1 / 3
    assert repetition("我学会了算法。" * 4) > 0.7
    assert repetition("") == 0


@pytest.mark.parametrize("kind", list(CellKind))
def test_a_notebook_full_of_text_is_read_as_far_as_that_is_quick(kind: CellKind) -> None:
    text = "reflection = '''" + "I learned a lot. " * 50 + "'''"
    filled = tuple(Cell(i, kind, f"# Reflection\n{text}") for i in range(1, 5000))
    own = Cell(5000, CellKind.MARKDOWN, f"# Reflection\n{OWN} {OWN}")
    assert find_reflection(Submission("s", "s", "", cells=(*filled, own)), TEMPLATE).text


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(CellKind)), st.text(max_size=60) | st.sampled_from([*TEMPLATE, OWN])), max_size=5
    )
)
def test_any_notebook_has_an_answer(cells: list[tuple[CellKind, str]]) -> None:
    made = tuple(Cell(i, kind, text) for i, (kind, text) in enumerate(cells, 1))
    found = find_reflection(Submission("s", "s", "", cells=made), TEMPLATE)
    assert (found.kind == "none") == (not found.text)
    assert set(found.cells) <= {cell.index for cell in made}
