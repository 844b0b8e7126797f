"""The real operator as a process outside the cluster, with a kubeconfig of its ServiceAccount."""

import signal
import subprocess
from pathlib import Path

from integration.support.account import NAMESPACE
from integration.support.cluster import BIN, wait_for


class OperatorProcess:
    """Starts, kills and stops `lockstep-operator`."""

    def __init__(self, kubeconfig: Path, log: Path) -> None:
        self._kubeconfig = kubeconfig
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *flags: str) -> None:
        """Start it; returns when it leads and has read the cluster."""
        assert self._process is None
        command = [str(BIN / "lockstep-operator"), "--kubeconfig", str(self._kubeconfig)]
        command += ["--namespace", NAMESPACE, "--port", "0", "--log-format", "text"]
        command += ["--pod-access", "direct", *flags]
        self._log.touch()
        before = self._log.stat().st_size
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("the operator to lead", lambda: self._says("synced", before))

    def kill(self) -> None:
        """Kill -9: no time to say goodbye."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order, if it runs."""
        if self._process is not None:
            self._end(signal.SIGTERM)

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def last_words(self, about: str) -> str:
        """Return the log's last lines that mention a namespace, and its last ones of all."""
        lines = self._log.read_text().splitlines()
        return "\n".join((*[one for one in lines if about in one][-40:], "...", *lines[-10:]))

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(timeout=30)
        self._process = None

    def _says(self, word: str, since: int) -> bool:
        assert self.running, self._log.read_text()[-2000:]
        return word in self._log.read_bytes()[since:].decode()
