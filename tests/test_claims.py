"""Verdicts are Student's, checked against scipy's own tests; prose that says something else is refused."""

import json
import math
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sslkit import claim, claims
from sslkit.claims import MIME, Claim, table

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import collect_claims  # noqa: E402

WHERE = {"where": "a test"}
shares = st.lists(st.integers(0, 1000).map(lambda thousandths: thousandths / 1000), min_size=2, max_size=6)


@settings(max_examples=80, deadline=None)
@given(shares, shares, st.sampled_from([0.0, 0.05]))
def test_the_verdict_is_that_of_scipys_tests(high, low, margin):
    if len(high) == len(low):
        sides = [stats.ttest_rel(high, [value + margin for value in low], alternative=way).pvalue for way in ("greater", "less")]
    else:
        sides = [stats.ttest_ind(high, [value + margin for value in low], equal_var=False, alternative=way).pvalue for way in ("greater", "less")]
    if any(math.isnan(p) or abs(p - 0.05) < 1e-6 or p in (0, 1) for p in sides):
        return
    wanted = "supported" if sides[0] < 0.05 else "contradicted" if sides[1] < 0.05 else "inconclusive"
    found = claim("a is more", {"a": high}, {"b": low}, margin=margin, **WHERE)
    assert found.verdict == wanted and found.p == pytest.approx(sides[0], rel=0.01)


def test_one_number_on_a_side_is_a_level_to_compare_with():
    values = [0.31, 0.33, 0.32]
    assert stats.ttest_1samp(values, 0.3, alternative="greater").pvalue < 0.05
    assert claim("more than chance", {"probe": values}, {"chance": 0.3}, **WHERE).verdict == "supported"
    assert claim("more than chance", {"chance": 0.3}, {"probe": values}, **WHERE).verdict == "contradicted"
    assert claim("one against one", {"a": 0.9}, {"b": 0.1}, **WHERE).verdict == "inconclusive"


def test_differences_without_any_spread_have_a_verdict():
    equal = [0.2, 0.3]
    assert claim("the same", {"a": equal}, {"b": equal}, **WHERE).verdict == "inconclusive"
    assert claim("always one more", {"a": [0.5, 0.75]}, {"b": [0.25, 0.5]}, **WHERE).verdict == "supported"


def test_prose_that_disagrees_is_refused_with_both_verdicts_and_the_numbers():
    with pytest.raises(ValueError, match="the text says that “a is more” 'supported', the numbers say 'contradicted': a 20.0 ± 1.0 %, b 30.0 ± 1.0 %: −10.0 points"):
        claim("a is more", {"a": [0.19, 0.2, 0.21]}, {"b": [0.29, 0.301, 0.309]}, says="supported", **WHERE)
    assert claim("a is more", {"a": [0.19, 0.2, 0.21]}, {"b": [0.29, 0.301, 0.309]}, says="contradicted", **WHERE).difference == pytest.approx(-0.1)


@pytest.mark.parametrize("sides, says", [
    (({"a": [0.1], "b": [0.2]}, {"c": 0.1}), "more=.*want one entry"), (({"a": []}, {"c": 0.1}), "a: .*at least one number"),
    (({"a": [0.1, float("nan")]}, {"c": 0.1}), "all finite"), ((0.2, {"c": 0.1}), "want one entry")])
def test_numbers_that_cannot_be_compared_are_refused(sides, says):
    with pytest.raises(ValueError, match=says):
        claim("a is more", *sides, **WHERE)
    with pytest.raises(ValueError, match="says='maybe': want one of 'supported'"):
        claim("a is more", {"a": 0.1}, {"b": 0.2}, says="maybe", **WHERE)


def test_a_card_escapes_its_words_and_carries_its_numbers():
    found = claim("x < y & more", {"<b>": [0.5, 0.6]}, {"plain": 0.1}, source="A & B 2020", unit="%", **WHERE)
    bundle = found._repr_mimebundle_()
    assert "<b>x" not in bundle["text/html"] and "x &lt; y &amp; more" in bundle["text/html"] and "&lt;b&gt; 55.0" in bundle["text/html"]
    again = Claim(**json.loads(json.dumps(bundle[MIME])))
    assert again.sentence() == found.sentence() and repr(again) == bundle["text/plain"] and found.verdict in bundle["text/html"]
    assert table([found]).splitlines()[2] == f"| x < y & more (A & B 2020) | **{found.verdict}** | {found.sentence()} |"


def test_what_a_paper_saw_with_more_is_not_contradicted():
    sides = {"a": [0.19, 0.2, 0.21]}, {"b": [0.29, 0.301, 0.309]}
    found = claim("a is more", *sides, published="A 2020, 1,000 epochs", says="not observed at this budget", **WHERE)
    assert found.sentence().endswith("(a test); published: A 2020, 1,000 epochs")
    assert claim("a is more", *sides[::-1], published="A 2020", **WHERE).verdict == "supported"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 0.2), min_size=1, max_size=8))
def test_many_claims_together_are_judged_as_holm_says(values):
    """By Holm's own definition: p_(i) is kept where every p_(j), j ≤ i, is at most 0.05 / (n − j + 1)."""
    made = [claim("a", {"a": [0.5, 0.6]}, {"b": 0.1}, **WHERE)._replace(p=p, verdict="supported" if p < 0.05 else "inconclusive") for p in values]
    ordered = sorted(values)
    kept = claims.holm(made)
    for one, still in zip(made, kept):
        wanted = all(q <= 0.05 / (len(values) - j) for j, q in enumerate(ordered) if q <= one.p and j <= ordered.index(one.p))
        assert still == (wanted and one.p < 0.05) or values.count(one.p) > 1
    assert claims.holm([made[0]._replace(p=None)]) == [False]


def test_other_units_are_told_as_they_are():
    found = claim("is slower", {"one": [2.0, 2.1]}, {"other": [1.0, 1.1]}, unit="s", margin=0.5, **WHERE)
    assert found.verdict == "supported" and found.sentence() == "one 2.05 ± 0.07 s, other 1.05 ± 0.07 s: +1 s, wanted more than 0.5 s (a test)"


def test_several_claims_show_as_cards_and_are_collected_in_order(tmp_path):
    first, second = (claim(text, {"a": [0.5, 0.6]}, {"b": 0.1}, **WHERE) for text in ("one", "two"))
    both = claims.Cards(first, second)
    bundle = both._repr_mimebundle_()
    assert bundle["text/plain"] == f"{first!r}\n{second!r}" and bundle["text/html"].count("border-left") == 2
    cells = [{"outputs": [{"data": {MIME: bundle[MIME]}}]}, {"source": "markdown"}, {"outputs": [{"data": first._repr_mimebundle_()}, {"name": "stdout"}]}]
    (tmp_path / "02_b.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "01_a.ipynb").write_text(json.dumps({"cells": cells[2:]}))
    found = collect_claims.collected(tmp_path)
    assert {name: [one.text for one in several] for name, several in found.items()} == {"01_a.ipynb": ["one"], "02_b.ipynb": ["one", "two", "one"]}
    told = collect_claims.page(found)
    assert f"4 claims. Supported: {4 * (first.verdict == 'supported')}, inconclusive" in told and told.index("01_a") < told.index("02_b")


def test_the_page_is_what_the_notebooks_have_stored():
    found = collect_claims.collected()
    assert sum(map(len, found.values())) >= 12 and (ROOT / "docs" / "claims.md").read_text() == collect_claims.page(found)
    for several in found.values():                                # and each verdict is what its own stored numbers say
        for one in several:
            again = claim(one.text, dict([one.more]), dict([one.less]), where=one.where, margin=one.margin, unit=one.unit, published=one.published)
            assert again.verdict == one.verdict and again.p == one.p and again.sentence() == one.sentence()
