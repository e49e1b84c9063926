"""The HTTP API put together, and its OpenAPI document."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.middleware import Middleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.routing import APIRoute
from opentelemetry.trace import TracerProvider
from pydantic.json_schema import models_json_schema
from starlette.types import Receive, Scope, Send

from gateway import problems
from gateway.admission import refuse_unguarded
from gateway.context import Gateway
from gateway.document import complete
from gateway.observe import QUIET_ROUTES, Requests
from gateway.open_routes import OpenRoutes
from gateway.routes import ROUTERS
from gateway.routes.events import SCHEMAS_BESIDE
from gateway.schemas.common import Problem
from gateway.security import BodyLimit, SecurityHeaders
from gateway.web import WebFiles

DESCRIPTION = """One picture, everywhere: upload an avatar or banner once, and every connected platform shows it.

Send an API key of your settings as `Authorization: Bearer lnk_…`; each operation says which scope it needs. An access
token of `POST /v1/auth/login` goes the same way. Lists come in pages: pass
`next_page_token` back as `page_token` until it is empty. Errors are problem documents (RFC 9457): branch on `reason`.
Ids are opaque, times are RFC 3339 in UTC."""


class Api(FastAPI):
    """The routes alone: enough for the OpenAPI document, nothing that connects anywhere."""

    def __init__(
        self, middleware: list[Middleware] | None = None, *, tracer_provider: TracerProvider | None = None
    ) -> None:
        super().__init__(
            title="Linkarooie",
            description=DESCRIPTION,
            version=version("linkarooie"),
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            # The framework's own pages would load their scripts from elsewhere, and pass by the door; ours are in `routes.docs`.
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            redirect_slashes=False,
            middleware=middleware,
            generate_unique_id_function=_operation_id,
            telemetry={
                "logs": False,
                "metrics": False,
                "operation_spans": False,
                "tracer_provider": tracer_provider,
                "exclude": lambda scope: scope.get("path") in QUIET_ROUTES,
            },
        )
        for router in ROUTERS:
            self.include_router(router)
        refuse_unguarded(self.routes)
        # Set where the API is served.
        self.open_routes: OpenRoutes | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request: the open routes at once, all others the framework's way."""
        if self.open_routes is not None and self.open_routes.take(scope):
            await self.open_routes(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:  # the framework's signature
        """Returns the document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = models_json_schema(
                [(model, "serialization") for model in (*SCHEMAS_BESIDE, Problem)],
                ref_template="#/components/schemas/{model}",
            )[1]["$defs"]
            document["components"]["schemas"].update(schemas)
            complete(document)
            self.openapi_schema = document
        return self.openapi_schema


def create_api(gateway: Gateway, *, tracer_provider: TracerProvider | None = None) -> FastAPI:
    """Makes the API of one process. Its traces go to the provider given, else to the process's own."""
    layers = [Middleware(Requests), Middleware(SecurityHeaders, https=gateway.cookies.secure)]
    api = Api([*layers, Middleware(BodyLimit)], tracer_provider=tracer_provider)
    api.state.gateway = gateway
    problems.install(api)
    api.open_routes = OpenRoutes(api, layers)
    # The client's files alone: what the API answers may hold secrets beside what a caller chose, and compression would tell.
    api.router.default = GZipMiddleware(WebFiles(gateway.settings.web_directory))
    return api


def _operation_id(route: APIRoute) -> str:
    return route.name
