"""The process in which a student's notebook runs and answers.

`serve` speaks over one inherited stream socket, in frames of `grader.wire` (each frame one tree, a dict). Types of
`grader.model` travel as dicts of their fields (`grader.wire.to_tree` and ``from_tree``). The parent asks, the
worker answers in order; what it sends is an untrusted process's word, so the parent decodes it with caps.

Parent to worker::

    {"do": "run", "cells": [[index, source], ...], "skip": [index, ...], "limits": Limits, "seed": int}
        Run these code cells in order. Of a cell in "skip" only definitions and imports run.
        At most once, before the first "ask".
    {"do": "ask", "ask": Ask, "names": {canonical: [alias, ...]}}
        Answer one question in a fork of the worker. Without a "run" before, over an empty notebook.
    {"do": "quit"}
        End. The end of the stream means the same.

Worker to parent::

    {"event": "start", "index": int}           a cell begins; it should end within limits.cell_seconds
    {"event": "figure", "figure": Figure}      any number, between "start" and "cell"
    {"event": "cell", "cell": CellRun}         the cell is over; cells in "skip" have the status "skipped"
    {"event": "ran", "cpu_seconds": float, "cut": [str, ...], "versions": {name: version}}
                                               all cells are over; ready for questions
    {"event": "answer", "answer": Answer, "cpu_seconds": float}
                                               exactly one for each "ask"

Every "run" ends in "ran" and every "ask" in "answer", unless the process dies (the stream ends) or hangs. A cell is
interrupted after limits.cell_seconds; one that does not stop then is the parent's to kill, some seconds after. A
question has ask.seconds of wall time and is killed by the worker, which answers "timeout" itself; so here, too, the
parent waits some seconds longer and then kills. ``cpu_seconds`` is the CPU time of that one step with its children.
An answer "died" with the error type ``harness`` says that the question could not be asked for a reason of ours.
"""
