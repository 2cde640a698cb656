"""What each call of the API is, in words, and every status that it answers."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from daemon.api import bodies, queries, shapes
from daemon.api.routes import Answer, Operation
from daemon.calls import commands, plans

APPLICATION = ("application_id", "application_key")
LIMITS = ("RateLimit", "RateLimit-Policy")


def wrong(words: str, *headers: str) -> Answer:
    return Answer(words=words, shape=shapes.Problem, headers=headers)


FAILED = {
    500: wrong("The daemon failed; its log says why."),
    503: wrong("The catalogue does not answer.", "Retry-After"),
}
TOO_MANY = wrong("Too many requests. `Retry-After` says when the next may come.", "Retry-After", *LIMITS)
KNOWN = {
    400: wrong("`X-App-ID` is missing or malformed, or something in the request is not what the call takes."),
    401: wrong("`X-API-Key` is missing or wrong, or there is no such application."),
    429: TOO_MANY,
    **FAILED,
}
"""Of every application's call."""
OF_SESSION = KNOWN | {
    403: wrong("The session belongs to a different application."),
    404: wrong("There is no such session."),
}
WITH_BODY = {
    408: wrong("The body did not come in time."),
    413: wrong(f"The body is larger than {bodies.MAX_BODY_BYTES} bytes."),
}
NO_RECORDING = {404: wrong("There is no such session, or no such recording.")}


def _said(shape: type[BaseModel], words: str, *headers: str, **links: Mapping[str, Any]) -> Answer:
    return Answer(words=words, shape=shape, headers=(*LIMITS, *headers), links=links)


def link(operation_id: str, **parameters: str) -> Mapping[str, Any]:
    return {"operationId": operation_id, "parameters": parameters}


_SESSION = {"session_uuid": "$response.body#/session_uuid"}
_SAME = {"session_uuid": "$request.path.session_uuid"}

SHOW_SESSION = Operation(
    operation_id="showSession",
    tag="sessions",
    summary="Show a call",
    description="Its state, how its legs stand, and its present or last recording.",
    security=APPLICATION,
    answers={200: _said(shapes.Session, "The call."), **OF_SESSION},
)
LIST_SESSIONS = Operation(
    operation_id="listSessions",
    tag="sessions",
    summary="List calls",
    description="The application's calls, newest first, a page at a time.",
    security=APPLICATION,
    query=queries.PageQuery,
    answers={200: _said(shapes.SessionPage, "A page of calls."), **KNOWN},
)


def _commands() -> Iterator[tuple[str, Operation]]:
    for name in plans.NAMES:
        summary, description = COMMAND_WORDS[name]
        problems = OF_SESSION | WITH_BODY
        if name in commands.HEAVY:
            problems |= {429: wrong(f"{TOO_MANY.words} {COOLDOWN}", "Retry-After", *LIMITS)}
        problems |= {
            503: wrong(
                UNABLE.get(name, "") + "The daemon is ending, or its catalogue does not answer.",
                "Retry-After",
            )
        }
        operation_id = "".join(part.capitalize() for part in name.split("/"))
        yield (
            name,
            Operation(
                operation_id=f"command{operation_id}",
                tag="commands",
                summary=summary,
                description=f"{description} {OUTCOME}",
                security=APPLICATION,
                body=bodies.CommandBody,
                answers={202: _said(shapes.CommandTaken, "The command was taken.", **_NEXT), **problems},
            ),
        )


COOLDOWN = (
    "One of `record/start`, `record/stop`, `play_and_get_digits` every 2 s a session;"
    " a refused one does not begin the 2 s anew."
)
OUTCOME = (
    "The outcome is the `command.result` webhook, also where the command makes no sense in the call's present"
    " state. A repeat with the same `command_uid` gets the first answer again, and nothing is done twice."
)
UNABLE = {"record/start": "WAVSTREAM_URL is not set: there is nowhere to record to. "}
COMMAND_WORDS = {
    "record/start": (
        "Start recording",
        "Records the call from this moment on. Destination and format are the server's configuration.",
    ),
    "record/stop": (
        "Stop recording",
        "Ends the recording at this moment; `recording.completed` follows once the file can be downloaded.",
    ),
    "record/pause": (
        "Pause recording",
        "Exact silence takes the place of the audio from this moment on, so the duration stays true.",
    ),
    "record/resume": ("Resume recording", "The audio is recorded again from this moment on."),
    "hangup": (
        "Hang up",
        "Ends the call. A running recording is finished, never lost.",
    ),
}
"""(summary, description) of each command that there may be."""
_NEXT = {"session": link("showSession", **_SAME), "recordings": link("listRecordings", **_SAME)}
COMMANDS = dict(_commands())

CREATE_SESSION = Operation(
    operation_id="createSession",
    tag="sessions",
    summary="Register a call",
    description="The answer names the call's `session_uuid`, and where its audio may be sent.",
    security=APPLICATION,
    body=bodies.SessionBody,
    answers={
        201: _said(
            shapes.SessionCreated,
            "The call is registered.",
            **{
                each: link(each, **_SESSION)
                for each in (
                    "showSession",
                    "listRecordings",
                    "readRecordingFile",
                    *(operation.operation_id for operation in COMMANDS.values()),
                )
            },
        ),
        **KNOWN,
        **WITH_BODY,
        503: wrong(
            "No port is free for the call, the daemon is ending, or its catalogue does not answer.",
            "Retry-After",
        ),
    },
)

_WAV = ("ETag", "Last-Modified", "Accept-Ranges")
_ASKED = ("Range", "If-Range", "If-None-Match", "If-Modified-Since")
RECORDING_FILE = Operation(
    operation_id="readRecordingFile",
    tag="recordings",
    summary="Read the call's recording",
    description=(
        "A WAV file: live while the recording runs (chunked, header sizes 0xFFFFFFFF), or as a snapshot with"
        " `follow=false`; then the finished file until it expires. HEAD answers the same without the body."
    ),
    security=APPLICATION,
    query=queries.FileQuery,
    headers=_ASKED,
    answers={
        **OF_SESSION,
        200: Answer(words="The file.", media_types=("audio/wav",), headers=(*LIMITS, *_WAV)),
        206: Answer(
            words="The ranges that were asked for; several come as `multipart/byteranges`.",
            media_types=("audio/wav", "multipart/byteranges"),
            headers=(*LIMITS, *_WAV, "Content-Range"),
        ),
        304: Answer(words="The file is the one that the client has.", headers=(*LIMITS, "ETag")),
        404: wrong("There is no such session, or it has no recording: none yet, failed, expired, or erased."),
        416: Answer(words="No such range is in the file.", headers=(*LIMITS, "Content-Range")),
        503: wrong("wavstream or the catalogue does not answer.", "Retry-After"),
    },
)
LIST_RECORDINGS = Operation(
    operation_id="listRecordings",
    tag="recordings",
    summary="List a call's recordings",
    description="All of them, newest first.",
    security=APPLICATION,
    answers={
        200: _said(
            shapes.Recordings,
            "The recordings.",
            **{
                each: link(each, recording_id="$response.body#/recordings/0/recording_id", **_SAME)
                for each in ("showRecording", "eraseRecording")
            },
        ),
        **OF_SESSION,
    },
)
SHOW_RECORDING = Operation(
    operation_id="showRecording",
    tag="recordings",
    summary="Show a recording",
    description="Also one that failed, expired, or was erased: of that one the receipt is left.",
    security=APPLICATION,
    answers={200: _said(shapes.Recording, "The recording."), **OF_SESSION, **NO_RECORDING},
)
ERASE_RECORDING = Operation(
    operation_id="eraseRecording",
    tag="recordings",
    summary="Erase a recording",
    description="Takes file, URL and text away for good; a receipt stays. Once it answers, the file is gone.",
    security=APPLICATION,
    answers={
        **OF_SESSION,
        **NO_RECORDING,
        204: Answer(words="It is gone.", headers=LIMITS),
        400: wrong("`X-App-ID` is missing or malformed, or the recording is not over: stop it first."),
        409: wrong("wavstream keeps the recording: it is on legal hold."),
        503: wrong("wavstream or the catalogue does not answer.", "Retry-After"),
    },
)

HEALTH = Operation(
    operation_id="health",
    tag="health",
    summary="Whether the daemon is alive",
    description="It answers as long as the program runs.",
    answers={200: Answer(words="It is.", shape=shapes.Status), 500: FAILED[500]},
)
READY = Operation(
    operation_id="ready",
    tag="health",
    summary="Whether a call could be recorded now",
    description="Whether the catalogue can be written, the disk has room and wavstream answers.",
    answers={
        200: Answer(words="It could.", shape=shapes.Status),
        500: FAILED[500],
        503: wrong("It could not; the error says why.", "Retry-After"),
    },
)
METRICS = Operation(
    operation_id="metrics",
    tag="health",
    summary="What the daemon counts",
    description="In the text format of Prometheus, version 0.0.4.",
    answers={200: Answer(words="The counts.", media_types=("text/plain",)), 500: FAILED[500]},
)
