"""What can go wrong, one class for each thing a caller would do differently.

``ApiError``, ``TransportError`` and ``ProtocolError`` are raised to the caller of this package.
``Failure`` and ``Revoked`` go the other way: a stage raises them.
"""
from __future__ import annotations

import json
from dataclasses import dataclass
from email.message import Message
from typing import Any, List, Mapping, Optional

_RESERVED_PREFIXES = ("States.", "Sluice.")


class SluiceError(Exception):
    """The base of every error that this package raises to its caller."""


class TransportError(SluiceError):
    """The server could not be reached, or the connection broke before it answered."""


class ProtocolError(SluiceError):
    """The server refused the worker, or speaks a protocol that this version does not know."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Problem:
    """One fault in the input: where and what.

    ``pointer`` is a JSON Pointer into the body (``""`` for the whole), ``?NAME`` for a query parameter,
    ``@NAME`` for a header.
    """

    pointer: str
    detail: str


class ApiError(SluiceError):
    """The server answered with a problem document (RFC 9457).

    ``code`` is stable and meant for programs; ``detail`` and ``errors`` are meant for people.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Optional[List[Problem]] = None,
        retry_after_seconds: Optional[float] = None,
    ) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.errors: List[Problem] = errors or []
        self.retry_after_seconds = retry_after_seconds
        lines = [f"{status} {code}: {detail}"]
        lines += [f"  {problem.pointer or '(whole)'}: {problem.detail}" for problem in self.errors]
        super().__init__("\n".join(lines))

    @classmethod
    def from_response(cls, status: int, headers: Message, body: bytes) -> ApiError:
        """Reads a refusal. Something that is no problem document (a proxy's page) keeps its text."""
        try:
            document: Any = json.loads(body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            text = body[:500].decode("utf-8", "replace").strip()
            document = {"code": "http_error", "detail": text or "no further information"}
        problems = [
            Problem(_where(item), str(item.get("detail", "")))
            for item in document.get("errors") or []
            if isinstance(item, dict)
        ]
        try:
            retry_after: Optional[float] = float(headers.get("Retry-After", ""))
        except ValueError:
            retry_after = None
        detail = document.get("detail") or document.get("title") or ""
        return cls(status, str(document.get("code", "http_error")), str(detail), problems, retry_after)


def _where(item: Mapping[str, Any]) -> str:
    if "parameter" in item:
        return f"?{item['parameter']}"
    if "header" in item:
        return f"@{item['header']}"
    return str(item.get("pointer", ""))


class Failure(Exception):
    """Raised by a stage: the task failed, under a name that ``Retry`` and ``Catch`` can match."""

    def __init__(self, error: str, cause: str = "") -> None:
        if not error or error.startswith(_RESERVED_PREFIXES):
            raise ValueError(
                f"a failure's name must not be empty or begin with States. or Sluice., which are "
                f"the service's own; found {error!r}"
            )
        super().__init__(error, cause)
        self.error = error
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.error}: {self.cause}" if self.cause else self.error


class Revoked(Exception):
    """Raised by ``task.heartbeat()``: the task is no longer this worker's, so its result will not count."""
