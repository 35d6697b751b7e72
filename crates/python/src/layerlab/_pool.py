"""Workers that take jobs one by one, and may be lost."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from ._experiments import Job
from ._needed import needed
from ._process import INPUT, USAGE, execute
from ._study import Cluster
from ._told import LOG
from .errors import LabError, StudyError

BY_THE_OPTIONS = {USAGE, INPUT}
"""Exit statuses that would be the same on every worker."""


class Worker:
    """What an actor of Ray does: it runs the command, on its own GPU where it has one."""

    def __init__(self, folder: str, cluster: Cluster) -> None:
        os.chdir(folder)
        self._environment = {"RAYON_NUM_THREADS": str(cluster.cpus_per_worker)}
        if cluster.gpus_per_worker:
            ray = needed("ray", "ray")
            # The command computes through wgpu, which does not know of CUDA_VISIBLE_DEVICES.
            gpu = ray.get_gpu_ids()[0]
            self._environment["CUBECL_WGPU_DEFAULT_DEVICE"] = f"DiscreteGpu({gpu})"

    def ready(self) -> None:
        """Ends when the worker is there."""

    def execute(self, job: Job) -> LabError | None:
        """Runs the command; gives how it failed, if it did."""
        # A shard that is there the command knows by itself, but would not write over a report.
        if job.is_whole and job.path.exists():
            return None
        try:
            execute(job.arguments, quiet=True, environment=self._environment)
        except LabError as error:
            return error
        return None


class Pool:
    """As many workers as the cluster has room for, each with at most one job."""

    def __init__(self, ray: Any, cluster: Cluster) -> None:
        self._ray = ray
        self._cluster = cluster
        self._waiting: deque[Job] = deque()
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Job | None]] = {}
        self._lost: Counter[Job | None] = Counter()
        self._failed: dict[str, str] = {}

    def work_off(self, jobs: Sequence[Job]) -> dict[str, str]:
        """Runs all jobs. Gives why an experiment failed, by its name; the others' files are all there."""
        self._waiting.extend(jobs)
        for _ in range(min(len(jobs), self._room())):
            self._start_worker()
        with tqdm(total=len(jobs), unit="jobs") as bar:
            while self._waiting or any(job for _, job in self._busy.values()):
                (ended,), _ = self._ray.wait(list(self._busy), num_returns=1)
                self._take_back(ended, bar)
                while self._waiting and self._idle:
                    worker, job = self._idle.pop(), self._waiting.popleft()
                    self._busy[worker.execute.remote(job)] = (worker, job)
        return self._failed

    def _room(self) -> int:
        """How many workers the cluster has room for now."""
        resources, cluster = self._ray.cluster_resources(), self._cluster
        room = resources.get("CPU", 0) // cluster.cpus_per_worker
        if cluster.gpus_per_worker:
            room = min(room, resources.get("GPU", 0) // cluster.gpus_per_worker)
        if room < 1:
            found = ", ".join(f"{resources.get(name, 0):g} {name}" for name in ("CPU", "GPU"))
            raise StudyError(f"the cluster has no room for a worker: it has {found}")
        return int(room)

    def _start_worker(self) -> None:
        cluster = self._cluster
        actor = self._ray.remote(Worker).options(num_cpus=cluster.cpus_per_worker, num_gpus=cluster.gpus_per_worker)
        worker = actor.remote(os.getcwd(), cluster)
        # It may have to wait for room, and is given nothing before it is there.
        self._busy[worker.ready.remote()] = (worker, None)

    def _take_back(self, ended: Any, bar: tqdm[Any]) -> None:
        worker, job = self._busy.pop(ended)
        try:
            error = self._ray.get(ended)
        except self._ray.exceptions.RayError as problem:
            self._start_worker()
            error = LabError(f"its worker was lost: {problem}")
        else:
            self._idle.append(worker)
        if error is not None:
            self._try_again(job, error)
        elif job is not None:
            bar.update()

    def _try_again(self, job: Job | None, error: LabError) -> None:
        self._lost[job] += 1
        is_over = self._lost[job] > self._cluster.retries or error.status in BY_THE_OPTIONS
        if job is None:
            if is_over:
                raise StudyError(f"workers cannot be started: {error}") from error
        elif is_over:
            self._failed.setdefault(job.of, str(error))
            self._waiting = deque(other for other in self._waiting if other.of != job.of)
        elif job.of not in self._failed:
            LOG.warning("%s of %s is tried again: %s", job.path.name, job.of, error)
            self._waiting.append(job)
