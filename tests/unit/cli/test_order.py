from hypothesis import given
from hypothesis import strategies as st

from lockstep_cli.order import in_force, signed
from tests.unit.cli.api_stub import merge

SCALARS = st.one_of(st.booleans(), st.integers(), st.text())
KEYS = st.sampled_from(["a", "b", "c"])
TREES = st.recursive(SCALARS, lambda tree: st.dictionaries(KEYS, tree))
PATCHES = st.recursive(st.one_of(SCALARS, st.none()), lambda tree: st.dictionaries(KEYS, tree))


@given(st.dictionaries(KEYS, TREES), st.dictionaries(KEYS, PATCHES))
def test_a_patch_that_was_written_is_in_force(held, patch):
    _scalars_give_way(held, patch)
    merge(held, patch)
    assert in_force(patch, held)


def _scalars_give_way(held, patch):
    """RFC 7386: a map replaces a scalar."""
    for key, value in patch.items():
        if isinstance(value, dict):
            if not isinstance(held.get(key), dict):
                held[key] = {}
            _scalars_give_way(held[key], value)


def test_another_mark_is_not_ours():
    ours = {"rollout": {"paused": {"by": "ada", "time": "1"}}}
    assert not in_force(ours, {"rollout": {"paused": {"by": "ada", "time": "2"}}})
    assert not in_force(ours, {})


def test_a_removal_is_in_force_when_it_is_gone():
    assert in_force({"rollout": {"paused": None}}, {})
    assert not in_force({"rollout": {"paused": None}}, {"rollout": {"paused": {}}})


def test_a_list_may_have_more_than_ours():
    ours, other = {"step": 1, "by": "ada"}, {"step": 2, "by": "bob"}
    assert in_force({"approvals": [ours]}, {"approvals": [other, ours]})
    assert not in_force({"approvals": [ours]}, {"approvals": [other]})


def test_who_signs():
    assert signed({"by": "ada", "reason": "slow"}) == " by ada (slow)"
    assert signed({}) == ""
