"""`/compute`: jobs and the cluster. Every call is a task; the scheduler's answer is in the task."""

from __future__ import annotations

from fastapi import APIRouter

from f7t.services.compute import cluster, jobs, submission

router = APIRouter(prefix="/compute", tags=["compute"])
router.include_router(submission.router)
router.include_router(jobs.router)
router.include_router(cluster.router)
