from lockstep_operator.core.plan import Plan
from lockstep_operator.shell.pace import Pace

KEY = ("shop", "churn")


def test_what_does_not_move_is_looked_at_less_and_less():
    pace = Pace()
    delays = [pace.stretch(KEY, Plan(status={"a": 1}, requeue_after=0.25), 0.25) for _ in range(40)]
    assert delays[0] == 0.25
    assert delays == sorted(delays)
    assert delays[-1] == 5.0
    waited = 0.0
    for delay in delays[:15]:
        assert delay <= 0.25 + waited * 0.21
        waited += delay


def test_any_change_of_the_plan_brings_back_the_pace():
    pace = Pace()
    for _ in range(40):
        pace.stretch(KEY, Plan(status={"a": 1}), 0.25)
    assert pace.stretch(KEY, Plan(status={"a": 2}), 0.25) == 0.25
    assert pace.stretch(KEY, Plan(status={"a": 2}), 0.25) == 0.25 * 1.2


def test_long_waits_and_other_keys_are_left_alone():
    pace = Pace()
    for _ in range(10):
        assert pace.stretch(KEY, Plan(), 30.0) == 30.0
        assert pace.stretch(KEY, Plan(), None) is None
        pace.stretch(("shop", "other"), Plan(), 0.25)
    assert pace.stretch(KEY, Plan(), 0.25) == 0.25
    assert pace.stretch(KEY, Plan(), 0.0) == 0.0
