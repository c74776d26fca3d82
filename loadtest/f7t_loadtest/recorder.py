"""Everything that a run measures, counted as it happens; `Stage`s and `Second`s out of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from f7t_loadtest.latencies import Latencies
from f7t_loadtest.model import Failure, Generator, Operation, Second, Ssh, Stage, Tasks

Clock = Callable[[], float]
_EXAMPLE = 300


@dataclass
class _Requests:
    """One operation in one stage; `in_time` were answered before it ended."""

    requests: int = 0
    in_time: int = 0
    failures: int = 0
    sent: int = 0
    received: int = 0
    latencies: Latencies = field(default_factory=Latencies)


@dataclass
class _Tasks:
    begun: int = 0
    completed: int = 0
    in_time: int = 0
    failed: int = 0
    polls: int = 0
    age: Latencies = field(default_factory=Latencies)
    to_job_id: Latencies = field(default_factory=Latencies)


@dataclass
class Counts:
    """What was measured in one stage.

    Attributes:
        begins, ends: seconds since the run's start; `ends` is None while it lasts.
        overdue: arrivals that nobody had begun when the stage ended.
        cpu: cores that the generator used, one figure a second.
        cpu_mean: the same over the whole stage.
        ssh: connections and channels that the gateway opened meanwhile, if that is known.
    """

    name: str
    begins: float
    users: int | None
    offered: float | None
    ends: float | None = None
    operations: dict[str, _Requests] = field(default_factory=dict)
    tasks: _Tasks = field(default_factory=_Tasks)
    late: Latencies = field(default_factory=Latencies)
    overdue: int = 0
    cpu: list[float] = field(default_factory=list)
    cpu_mean: float = 0.0
    ssh: tuple[int, int] | None = None
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], str] = field(default_factory=dict)

    def fail(self, operation: str, kind: str, example: str, count: int = 1) -> None:
        """Count failures of one kind; the first one's words are kept."""
        self.kinds[operation, kind] += count
        self.examples.setdefault((operation, kind), example[:_EXAMPLE])

    @property
    def lasts(self) -> bool:
        """Whether it has not ended yet."""
        return self.ends is None

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return max((self.ends or self.begins) - self.begins, 1e-3)

    @property
    def requests(self) -> int:
        """Sent ones, and arrivals that should have been."""
        return self.overdue + sum(one.requests for one in self.operations.values())

    @property
    def failures(self) -> int:
        """Failed ones, and arrivals that were never begun."""
        return self.overdue + sum(one.failures for one in self.operations.values())


@dataclass
class _Second:
    stage: str | None = None
    users: int = 0
    requests: int = 0
    failures: int = 0
    tasks: int = 0
    sent: int = 0
    received: int = 0
    cpu: float = 0.0
    latencies: Latencies = field(default_factory=Latencies)


class Recorder:
    """Belongs to one process; nothing in it blocks.

    A request counts for the stage in which it was due, however late its answer comes. Rates are of
    what was answered before the stage ended: what has piled up by then was not carried. In the
    timeline a request counts for the second in which it was answered.
    """

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._start = clock()
        self.stages: list[Counts] = []
        self._seconds: dict[int, _Second] = {}
        self.warnings: list[str] = []

    def now(self) -> float:
        """Seconds since the run's start."""
        return self._clock() - self._start

    def restart(self) -> None:
        """What was recorded so far was preparation; the run starts now."""
        self._start = self._clock()
        self._seconds.clear()

    def begin(self, name: str, *, users: int | None = None, offered: float | None = None) -> Counts:
        """From now on what is due counts for this stage."""
        self.stages.append(Counts(name, self.now(), users, offered))
        return self.stages[-1]

    def end(self) -> None:
        """What is due from now on counts for no stage."""
        if self.stages and self.stages[-1].ends is None:
            self.stages[-1].ends = self.now()

    def at(self, moment: float) -> Counts | None:
        """The stage of a moment, in seconds since the start."""
        for stage in reversed(self.stages):
            if stage.begins <= moment and (stage.ends is None or moment < stage.ends):
                return stage
        return None

    def request(
        self,
        operation: str,
        due: float,
        sent_at: float,
        *,
        sent: int = 0,
        received: int = 0,
        failure: tuple[str, str] | None = None,
    ) -> None:
        """Count a request that was answered (or given up) just now.

        Args:
            due, sent_at: seconds since the start.
            sent, received: bytes of the bodies.
            failure: its kind and what it said.
        """
        done = self.now()
        second = self._second(done)
        second.requests += 1
        second.failures += failure is not None
        second.sent += sent
        second.received += received
        second.latencies.add(done - due)
        stage = self.at(due)
        if stage is None:
            return
        counts = stage.operations.setdefault(operation, _Requests())
        counts.requests += 1
        counts.in_time += stage.lasts
        counts.sent += sent
        counts.received += received
        counts.latencies.add(done - due)
        stage.late.add(sent_at - due)
        if failure is not None:
            counts.failures += 1
            stage.fail(operation, *failure)

    def task_begun(self, due: float) -> Counts | None:
        """Count a task whose submission was due then; its stage is given back for the rest."""
        stage = self.at(due)
        if stage is not None:
            stage.tasks.begun += 1
        return stage

    def task_settled(
        self, stage: Counts | None, *, success: bool, polls: int, age: float, to_job: float | None
    ) -> None:
        """Count a task's end: polls until it was seen, its age, and when its job id was known."""
        if success:
            self._second(self.now()).tasks += 1
        if stage is None:
            return
        counts = stage.tasks
        counts.completed += success
        counts.in_time += success and stage.lasts
        counts.failed += not success
        counts.polls += polls
        counts.age.add(age)
        if to_job is not None:
            counts.to_job_id.add(to_job)

    def beat(self, users: int, cpu: float) -> None:
        """Once a second: how many users work, and the cores used since the last beat."""
        now = self.now()
        second = self._second(now)
        second.users, second.cpu = users, cpu
        stage = self.at(now)
        if stage is not None:
            stage.cpu.append(cpu)

    def _second(self, moment: float) -> _Second:
        number = int(moment)
        found = self._seconds.get(number)
        if found is None:
            stage = self.at(moment)
            found = self._seconds[number] = _Second(stage.name if stage else None)
        return found

    def recent(self) -> _Second:
        """The last complete second, for the progress line."""
        return self._seconds.get(int(self.now()) - 1, _Second())

    def warn(self, text: str) -> None:
        """Tell once why the figures may not be what they seem."""
        if text not in self.warnings:
            self.warnings.append(text)

    def timeline(self) -> list[Second]:
        """Every second that anything happened in."""
        return [
            Second(
                at=float(number),
                stage=one.stage,
                users=one.users,
                requests=one.requests,
                failures=one.failures,
                tasks_completed=one.tasks,
                p50=one.latencies.quantile(0.5),
                p95=one.latencies.quantile(0.95),
                bytes_sent=one.sent,
                bytes_received=one.received,
                generator_cpu=round(one.cpu, 3),
            )
            for number, one in sorted(self._seconds.items())
        ]

    def failures(self) -> list[Failure]:
        """By stage and frequency."""
        return [
            Failure(
                stage=stage.name,
                operation=operation,
                kind=kind,
                count=count,
                example=stage.examples[operation, kind],
            )
            for stage in self.stages
            for (operation, kind), count in stage.kinds.most_common()
        ]


def stage_of(counts: Counts, judge: Callable[[Stage], bool]) -> Stage:
    """The record of one stage.

    Args:
        judge: whether a stage is within the objective.
    """
    seconds = counts.seconds
    together = Latencies()
    for one in counts.operations.values():
        together.merge(one.latencies)
    stage = Stage(
        name=counts.name,
        begins=round(counts.begins, 3),
        seconds=round(seconds, 3),
        users=counts.users,
        offered=counts.offered,
        requests=counts.requests,
        failures=counts.failures,
        rate=round(sum(one.in_time for one in counts.operations.values()) / seconds, 3),
        latency=together.summary(),
        operations=[
            _operation(name, one, seconds) for name, one in sorted(counts.operations.items())
        ],
        tasks=_tasks(counts.tasks, seconds) if counts.tasks.begun else None,
        ssh=_ssh(counts),
        generator=Generator(
            cpu_mean=round(counts.cpu_mean, 3),
            cpu_maximum=round(max(counts.cpu, default=counts.cpu_mean), 3),
            late_mean=round(counts.late.mean, 6),
            late_p99=round(counts.late.quantile(0.99) or 0.0, 6),
            processes=1,
        ),
        within_objective=False,
    )
    return stage.model_copy(update={"within_objective": judge(stage)})


def _operation(name: str, one: _Requests, seconds: float) -> Operation:
    return Operation(
        name=name,
        requests=one.requests,
        failures=one.failures,
        rate=round(one.in_time / seconds, 3),
        latency=one.latencies.summary(),
        histogram=one.latencies.buckets(),
        bytes_sent=one.sent,
        bytes_received=one.received,
    )


def _tasks(one: _Tasks, seconds: float) -> Tasks:
    settled = one.completed + one.failed
    return Tasks(
        begun=one.begun,
        completed=one.completed,
        failed=one.failed,
        unsettled=one.begun - settled,
        rate=round(one.in_time / seconds, 3),
        polls_per_task=round(one.polls / settled, 3) if settled else None,
        age=one.age.summary(),
        to_job_id=one.to_job_id.summary(),
    )


def _ssh(counts: Counts) -> Ssh | None:
    if counts.ssh is None:
        return None
    connections, channels = counts.ssh
    answered = max(counts.requests - counts.overdue, 1)
    return Ssh(
        connections=connections,
        channels=channels,
        connections_per_request=round(connections / answered, 5),
        channels_per_request=round(channels / answered, 5),
    )
