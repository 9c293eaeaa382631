"""The board as a web application: pages for people, answers for programs, and errors that say what to do.

Everything needs Airflow's permission (``auth``), is rendered here, and loads nothing from elsewhere.
"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException as AnyHTTPException

from agrocluster.board import api, pages
from agrocluster.board.auth import VIEWER
from agrocluster.board.render import HEADERS, page
from agrocluster.errors import AgroclusterError, UsageError
from agrocluster.storage.mirror import refresh_view


def fresh() -> None:
    """Where the data root lies in an object store, a copy of what is looked at follows it."""
    refresh_view()


SHOWN = [VIEWER, Depends(fresh)]
app = FastAPI(title="agrocluster board", docs_url=None, redoc_url=None, openapi_url=None, dependencies=SHOWN)
app.include_router(pages.router)
app.include_router(api.router)

REMEDIES = {
    401: "Log in to Airflow and open the board again; programs send `Authorization: Bearer <token>`, which "
    "POST /auth/token gives.",
    403: "Ask whoever looks after this Airflow for a role that may view it.",
    404: "Use the navigation above; api/releases lists what programs can ask for.",
    405: "The board reads only: use GET.",
}


@app.exception_handler(AgroclusterError)
def refused(request: Request, error: AgroclusterError) -> Response:
    """A name that does not exist is not found; anything else is damage, and its remedy says what to do."""
    status = 404 if isinstance(error, UsageError) else 500
    return _answer(request, status, error.problem, error.remedy or "")


@app.exception_handler(RequestValidationError)
def invalid(request: Request, error: RequestValidationError) -> Response:
    """A parameter that cannot be: which one, and why. What was sent is not repeated."""
    told = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
    return _answer(request, 422, f"The address holds a value that cannot be: {told}.", "Correct the address.")


@app.exception_handler(AnyHTTPException)
def denied(request: Request, error: HTTPException) -> Response:
    """Not logged in, not allowed, or no such page."""
    return _answer(request, error.status_code, str(error.detail), REMEDIES.get(error.status_code, ""), error.headers)


def _answer(request: Request, status: int, problem: str, remedy: str, headers: object = None) -> Response:
    inside = str(request.scope["path"]).removeprefix(str(request.scope.get("root_path", "")))
    if inside.startswith("/api/"):
        response: Response = JSONResponse({"error": problem, "remedy": remedy}, status, headers=HEADERS)
    else:
        title = HTTPStatus(status).phrase
        # Whoever is not let in learns nothing of the data root, not even whether its figures are sample data.
        shown = {"banner": ""} if status in {401, 403} else {}
        response = page(request, "error", status, code=status, title=title, problem=problem, remedy=remedy, **shown)
    response.headers.update(dict(headers) if isinstance(headers, dict) else {})
    return response
