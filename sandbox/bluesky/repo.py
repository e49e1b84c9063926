"""The repository calls: upload a blob, read and put the profile record, fetch a blob."""

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from sandbox.bluesky.accounts import PROFILE, Accounts
from sandbox.bluesky.answers import ALL_CALLS, UPDATES, UPLOADS, BlueskySwitches, refuse
from sandbox.bluesky.cid import record_cid
from sandbox.bluesky.sessions import Sessions, json_body
from sandbox.kit.endpoint import Endpoints
from sandbox.kit.gallery import SLOTS
from sandbox.kit.pictures import MEDIA_TYPES, Format
from sandbox.kit.platform import Context
from sandbox.kit.store import Document
from sandbox.kit.switches import Panel

UPLOAD_MAX_BYTES = 5 * 1024 * 1024
# The profile lexicon's rules for both pictures.
PICTURE_MAX_BYTES = 1_000_000
PICTURE_FORMATS: tuple[Format, ...] = ("PNG", "JPEG")
# The profile lexicon's rules for texts: characters, bytes.
TEXT_LIMITS = {"displayName": (64, 640), "description": (256, 2560)}


class Repo:
    def __init__(self, context: Context, panel: Panel[BlueskySwitches], accounts: Accounts, sessions: Sessions) -> None:
        self._context = context
        self._panel = panel
        self._accounts = accounts
        self._sessions = sessions

    def routes(self, endpoints: Endpoints) -> list[BaseRoute]:
        repo = "/xrpc/com.atproto.repo"
        return [
            endpoints.route(
                f"{repo}.uploadBlob",
                self.upload,
                "write",
                methods=["POST"],
                limits=(ALL_CALLS, UPLOADS),
                max_body=UPLOAD_MAX_BYTES,
            ),
            endpoints.route(f"{repo}.getRecord", self.get, "read", limits=(ALL_CALLS,)),
            endpoints.route(f"{repo}.putRecord", self.put, "write", methods=["POST"], limits=(ALL_CALLS, *UPDATES)),
            endpoints.route("/xrpc/com.atproto.sync.getBlob", self.get_blob, "read", limits=(ALL_CALLS,)),
        ]

    async def upload(self, request: Request) -> Response:
        caller = self._sessions.caller(request)
        declared = request.headers.get("content-type", "application/octet-stream").partition(";")[0].strip()
        caller.require_blob(declared)
        data = await request.body()
        if not data:
            raise refuse(400, "InvalidRequest", "Request body is empty")
        blob = self._accounts.save_blob(caller.name, data, declared)
        match self._panel.switches.lie:
            case "no_blob":
                return JSONResponse({})
            case "another_blob":
                blob = self._accounts.save_blob(caller.name, b"something else", declared)
        return JSONResponse({"blob": blob.reference()})

    async def get(self, request: Request) -> Response:
        query = request.query_params
        for parameter in ("repo", "collection", "rkey"):
            if parameter not in query:
                raise refuse(400, "InvalidRequest", f'Params must have the property "{parameter}"')
        name = self._accounts.find(query["repo"])
        if name is None:
            raise refuse(400, "InvalidRequest", f"Could not find repo: {query['repo']}")
        found = self._accounts.record(name)
        uri = f"at://{self._accounts.did(name)}/{query['collection']}/{query['rkey']}"
        if found is None or (query["collection"], query["rkey"]) != (PROFILE, "self"):
            raise refuse(400, "RecordNotFound", f"Could not locate record: {uri}")
        cid, value = found if self._panel.switches.lie != "empty_record" else (found[0], {})
        if query.get("cid", cid) != cid:
            raise refuse(400, "RecordNotFound", f"Could not locate record: {uri}")
        return JSONResponse({"uri": uri, "cid": cid, "value": value})

    async def put(self, request: Request) -> Response:
        caller = self._sessions.caller(request)
        body = await json_body(request)
        for parameter in ("repo", "collection", "rkey", "record"):
            if parameter not in body:
                raise refuse(400, "InvalidRequest", f'Input must have the property "{parameter}"')
        if self._accounts.find(str(body["repo"])) != caller.name:
            raise refuse(401, "AuthenticationRequired", "Authentication Required")
        if (body["collection"], body["rkey"]) != (PROFILE, "self"):
            raise refuse(400, "InvalidRequest", "The sandbox keeps app.bsky.actor.profile/self only")
        for action in ("create", "update"):
            caller.require_repo(PROFILE, action)
        record = body["record"]
        cid = self._validate(record)
        return self._swap_in(request, caller.name, body, {"$type": PROFILE, **record}, cid)

    def _swap_in(self, request: Request, name: str, body: Document, record: Document, cid: str) -> Response:
        if self._panel.strikes("race"):
            self._accounts.edit_elsewhere(name)
        current = self._accounts.record(name)
        answer = {"uri": f"at://{self._accounts.did(name)}/{PROFILE}/self", "cid": cid, "validationStatus": "valid"}
        if current and current[0] == cid:
            # The same content is no change, whatever `swapRecord` says, and makes no commit.
            return JSONResponse(answer)
        if "swapRecord" in body and body["swapRecord"] != (current and current[0]):
            raise refuse(400, "InvalidSwap", f"Record was at {current[0] if current else 'null'}")
        self._check_blobs(name, record)
        if not self._panel.strikes("silent_reject"):
            request.state.changed = self._accounts.write_record(name, record, self._panel.switches.slow_seconds)
        rev = format(int(self._context.clock() * 1_000_000), "x")
        return JSONResponse({**answer, "commit": {"cid": record_cid({"data": cid, "rev": rev}), "rev": rev}})

    def _validate(self, record: Any) -> str:  # Any: JSON
        """Checks a record against the profile lexicon; returns its CID."""
        if not isinstance(record, dict):
            raise _invalid("Expected object value type at $.record")
        if record.get("$type", PROFILE) != PROFILE:
            raise _invalid(f"Invalid $type: expected {PROFILE}, got {record['$type']}")
        for field, (characters, size) in TEXT_LIMITS.items():
            text = record.get(field, "")
            if not isinstance(text, str):
                raise _invalid(f"Expected string value type at $.record.{field}")
            if len(text) > characters or len(text.encode()) > size:
                raise _invalid(f"string too big (maximum {characters} graphemes) at $.record.{field}")
        for slot in SLOTS:
            if slot in record:
                _validate_picture(record[slot], f"$.record.{slot}", self._panel.switches)
        try:
            return record_cid({"$type": PROFILE, **record})
        except ValueError as reason:
            raise _invalid(str(reason)) from reason

    def _check_blobs(self, name: str, record: Document) -> None:
        """Checks that each blob that the record names was uploaded, as what the record says it is."""
        for reference in _references(record):
            cid = reference["ref"]["$link"]
            blob = self._accounts.blob(name, cid)
            if blob is None or blob.state == "gone":
                raise refuse(400, "BlobNotFound", f"Could not find blob: {cid}")
            if reference.get("mimeType") != blob.mime_type:
                raise refuse(
                    400,
                    "InvalidMimeType",
                    f"Referenced MimeType does not match stored blob. Expected: {blob.mime_type},"
                    f" Got: {reference.get('mimeType')}",
                )
            if reference.get("size") != blob.size:
                raise refuse(
                    400,
                    "InvalidSize",
                    f"Referenced size does not match stored blob. Expected: {blob.size}, Got: {reference.get('size')}",
                )

    async def get_blob(self, request: Request) -> Response:
        did, cid = request.query_params.get("did", ""), request.query_params.get("cid", "")
        name = self._accounts.find(did) if did.startswith("did:") else None
        if name is None:
            raise refuse(400, "RepoNotFound", f"Could not find repo for DID: {did}")
        blob = self._accounts.blob(name, cid)
        data = self._accounts.blob_bytes(did, cid)
        if blob is None or data is None or blob.state != "used":
            raise refuse(400, "BlobNotFound", "Blob not found")
        # What a user uploaded must never run in a browser on this origin.
        safe = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}
        return Response(data, media_type=blob.mime_type, headers=safe)


def _validate_picture(held: Any, where: str, switches: BlueskySwitches) -> None:  # Any: JSON
    is_blob = isinstance(held, dict) and held.get("$type") == "blob" and isinstance(held.get("ref"), dict)
    if not is_blob or not isinstance(held["ref"].get("$link"), str):
        raise _invalid(f"Expected blob value type at {where}")
    types = [MEDIA_TYPES[form] for form in switches.formats_taken(PICTURE_FORMATS)]
    if held.get("mimeType") not in types:
        expected = " or ".join(f'"{each}"' for each in types)
        raise _invalid(f'Expected {expected} (got "{held.get("mimeType")}") at {where}')
    size, most = held.get("size"), switches.bytes_taken(PICTURE_MAX_BYTES)
    if not isinstance(size, int) or size > most:
        raise _invalid(f"blob too big (maximum {most}, got {size}) at {where}")


def _references(value: Any) -> Iterator[Document]:  # Any: JSON
    if isinstance(value, dict):
        if value.get("$type") == "blob":
            yield value
        else:
            for item in value.values():
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _invalid(why: str) -> Exception:
    return refuse(400, "InvalidRequest", f"Invalid {PROFILE} record: {why}")
