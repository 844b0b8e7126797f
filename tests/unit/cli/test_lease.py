from lockstep_cli.lease import find_operator
from tests.unit.cli.manifests import NOW, lease


def test_a_renewed_lease_is_a_running_operator():
    operator = find_operator([lease(seconds_ago=3)], NOW)
    assert (operator.state, operator.holder, operator.namespace) == (
        "running",
        "operator-0",
        "lockstep-system",
    )
    assert operator.warning is None


def test_one_that_was_not_renewed_is_expired():
    operator = find_operator([lease(seconds_ago=60)], NOW)
    assert operator.missing
    assert operator.warning == (
        "no operator holds the Lease 'lockstep-operator': operator-0 in lockstep-system stopped "
        "renewing it, and nothing acts on changes"
    )


def test_the_newest_counts():
    assert find_operator([lease(60), lease(2, "other")], NOW).holder == "other"


def test_none_or_a_released_one_is_absent():
    assert find_operator([], NOW).state == "absent"
    assert find_operator([lease(holder="")], NOW).state == "absent"


def test_not_allowed_to_look_is_no_warning():
    operator = find_operator(None, NOW)
    assert operator.state == "unknown"
    assert operator.warning is None
