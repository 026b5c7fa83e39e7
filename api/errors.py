"""Problem documents (RFC 9457): the only table from kyojo's errors to HTTP status codes.

One shape for all routes: ``type``, ``title``, ``status``, ``detail``, ``code``, ``remedy`` (English
and Japanese) and ``errors``, a list with one row per fault: ``where``, ``code``, ``message``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ledger import errors

PROBLEM_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:kyojo:problem:"
TEXT_MAX = 1000

# The most specific class wins; a class without a row takes its nearest ancestor's.
STATUS: Mapping[type[errors.KyojoError], int] = {
    errors.KyojoError: 500,
    errors.InvalidInput: 400,
    errors.TooLarge: 413,
    errors.Infeasible: 409,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.NotPermitted: 403,
    errors.VerificationError: 400,
    errors.Unavailable: 503,
    errors.InvariantViolated: 500,
}

# What the framework itself refuses, by status.
_HTTP_KINDS: Mapping[int, type[errors.KyojoError]] = {404: errors.NotFound, 413: errors.TooLarge}

_log = logging.getLogger("kyojo.api")


class Remedy(BaseModel):
    """How to mend it."""

    en: str
    ja: str


class FaultModel(BaseModel):
    """One fault of an input."""

    where: str
    code: str
    message: str
    remedy: str = ""


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(examples=[TYPE_PREFIX + "malformed-batch"])
    title: str
    status: int
    detail: str
    code: str = Field(examples=["malformed-batch"])
    remedy: Remedy
    errors: list[FaultModel]
    expected: int | None = Field(default=None, description="The next sequence, where it is wrong.")


def status_of(error: errors.KyojoError) -> int:
    """The HTTP status of an error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem_of(error: errors.KyojoError) -> Problem:
    """The problem document of an error."""
    expected = error.details.get("expected")
    return Problem(
        type=TYPE_PREFIX + error.code,
        title=(type(error).__doc__ or error.code).strip().splitlines()[0],
        status=status_of(error),
        detail=_plain(error.message),
        code=error.code,
        remedy=Remedy(en=error.remedy_en, ja=error.remedy_ja),
        errors=[
            FaultModel(**{name: _plain(text) for name, text in fault.as_dict().items()})
            for fault in error.faults
        ],
        expected=expected if isinstance(expected, int) else None,
    )


def _plain(text: str) -> str:
    """Words that may quote an input: cut to size, and without what UTF-8 cannot carry."""
    if len(text) > TEXT_MAX:
        text = text[:TEXT_MAX] + " …"
    return text.encode("utf-8", "replace").decode()


def install(app: FastAPI) -> None:
    """Let every error of the application leave as a problem document."""
    app.add_exception_handler(errors.KyojoError, _on_kyojo_error)
    app.add_exception_handler(RequestValidationError, _on_bad_parameters)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_bug)


def _respond(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    content = problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(
        content, problem.status, media_type=PROBLEM_TYPE, headers=dict(headers or {})
    )


def problem_response(error: errors.KyojoError) -> JSONResponse:
    """The answer to a request that met this error; a fault of ours is also logged."""
    headers = {"Retry-After": "1"} if isinstance(error, errors.Unavailable) else {}
    problem = problem_of(error)
    if problem.status == 500:
        _log.error("internal error: %s", error, exc_info=error)
    return _respond(problem, headers)


def _on_kyojo_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, errors.KyojoError):
        raise error
    return problem_response(error)


def _on_bad_parameters(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    faults = tuple(
        errors.Fault("/".join(str(part) for part in one["loc"]), one["type"], one["msg"])
        for one in error.errors()
    )
    wrong = errors.InvalidInput("the request's parameters are not as documented", faults=faults)
    return _respond(problem_of(wrong).model_copy(update={"status": 422}))


def _on_http_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    kind = _HTTP_KINDS.get(error.status_code, errors.InvalidInput)
    problem = problem_of(kind(str(error.detail)))
    return _respond(problem.model_copy(update={"status": error.status_code}), error.headers)


def _on_bug(_request: Request, error: Exception) -> JSONResponse:
    _log.error("unexpected error", exc_info=error)
    broken = errors.InvariantViolated("kyojo failed unexpectedly; nothing of the request was kept")
    return _respond(problem_of(broken))
