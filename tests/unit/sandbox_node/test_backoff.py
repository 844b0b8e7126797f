from lockstep_sandbox.node.backoff import BackOff


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_delays_are_kubelets() -> None:
    clock = Clock()
    back_off = BackOff(10, 300, clock)
    delays = []
    for _ in range(8):
        delays.append(back_off.next())
        clock.now += delays[-1] + 1
    assert delays == [0, 10, 20, 40, 80, 160, 300, 300]


def test_a_long_run_clears_the_record() -> None:
    clock = Clock()
    back_off = BackOff(10, 300, clock)
    back_off.next()
    clock.now += 599
    assert back_off.next() == 10
    clock.now += 10 + 601
    assert back_off.next() == 0
