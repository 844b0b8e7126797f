"""Choosing the same few requests everywhere, without a word between the pods.

A request is chosen by a hash of its id: at level n those whose hash starts with n zero bits. Each
pod has a level of its own, which follows its rate; whatever a pod at a high level chooses, one at
a lower level chooses too, so answers of a busy pod meet their partners of a quiet one.
"""

from hashlib import blake2b

_BITS = 64


def rank(identity: bytes) -> int:
    """Return the id's hash, 64 bits, the same in every process."""
    return int.from_bytes(blake2b(identity, digest_size=_BITS // 8).digest(), "big")


class Sampler:
    """Chooses about `per_second` requests a second, all of them where there are fewer."""

    def __init__(self, per_second: int = 256) -> None:
        self.level = 0
        self._per_second = per_second
        self._chosen = 0
        self._window_end = 0.0

    def choose(self, identity: bytes, now: float) -> bool:
        """Tell whether to keep the answer to this request; `now` in seconds, never falling."""
        if now >= self._window_end:
            self._next_window(now)
        if rank(identity) >> (_BITS - self.level):
            return False
        self._chosen += 1
        # So many before the second is over: from here on half of them.
        if self._chosen % self._per_second == 0 and self.level < _BITS:
            self.level += 1
        return True

    def _next_window(self, now: float) -> None:
        """Lower the level for a second with room for twice as many, and for each idle one."""
        idle = int(now - self._window_end)
        roomy = self._chosen < 0.4 * self._per_second
        self.level = max(0, self.level - idle - roomy)
        self._chosen, self._window_end = 0, now + 1
