"""What each call of the operator API is, in words, and every status that it answers."""

from daemon.api import bodies, operator_shapes, queries
from daemon.api.document.operations import FAILED, TOO_MANY, WITH_BODY, link, wrong
from daemon.api.routes import Answer, Operation

OPERATOR = ("operator_key",)
OF_OPERATOR = {
    400: wrong("Something in the request is not what the call takes."),
    401: wrong("`X-Admin-API-Key` is missing or wrong."),
    429: TOO_MANY,
    500: FAILED[500],
    503: wrong("The catalogue does not answer, or no ADMIN_API_KEY is configured.", "Retry-After"),
}
"""Of every operator's call."""
NO_APPLICATION = {404: wrong("There is no such application.")}
NO_LETTER = {404: wrong("There is no such dead letter: it may have been sent again, or dropped.")}
UNTAKEN = {400: wrong("As things stand nobody would take it; the error says what is to be done first.")}

PUT_APPLICATION = Operation(
    operation_id="putApplication",
    tag="operator",
    summary="Create or replace an application",
    description="`webhook_secret` is in the answer only when it is new: it is shown once.",
    security=OPERATOR,
    body=bodies.ApplicationBody,
    answers={
        200: Answer(
            words="The application as it is now.",
            shape=operator_shapes.ApplicationPut,
            links={
                each: link(each, app_id="$request.path.app_id")
                for each in ("showApplication", "deleteApplication")
            },
        ),
        **OF_OPERATOR,
        **WITH_BODY,
    },
)
SHOW_APPLICATION = Operation(
    operation_id="showApplication",
    tag="operator",
    summary="Show an application",
    description="Without its secrets, and how its webhooks stand.",
    security=OPERATOR,
    answers={
        200: Answer(words="The application.", shape=operator_shapes.ApplicationNow),
        **OF_OPERATOR,
        **NO_APPLICATION,
    },
)
DELETE_APPLICATION = Operation(
    operation_id="deleteApplication",
    tag="operator",
    summary="Delete an application",
    description="Its keys are good no more, and no webhook of it is sent.",
    security=OPERATOR,
    answers={
        200: Answer(words="It is no more.", shape=operator_shapes.ApplicationDone),
        **OF_OPERATOR,
        **NO_APPLICATION,
    },
)
ROTATE_SECRET = Operation(
    operation_id="rotateWebhookSecret",
    tag="operator",
    summary="Make a new webhook secret",
    description=(
        "Shown this once. The one before it signs on beside it, until it is ended or the secret is rotated"
        " again: receivers can change over without a gap."
    ),
    security=OPERATOR,
    answers={
        200: Answer(words="The new secret.", shape=operator_shapes.SecretRotated),
        **OF_OPERATOR,
        **NO_APPLICATION,
    },
)
END_PREVIOUS = Operation(
    operation_id="endPreviousWebhookSecret",
    tag="operator",
    summary="End the previous webhook secret",
    description="From then on only the newest one signs, also where it was the only one already.",
    security=OPERATOR,
    answers={
        200: Answer(words="It is ended.", shape=operator_shapes.ApplicationDone),
        **OF_OPERATOR,
        **NO_APPLICATION,
    },
)

LIST_LETTERS = Operation(
    operation_id="listDeadLetters",
    tag="operator",
    summary="List dead letters",
    description="Webhooks that were given up, newest first, a page at a time, without what they say.",
    security=OPERATOR,
    query=queries.LettersQuery,
    answers={200: Answer(words="A page of them.", shape=operator_shapes.DeadLetterPage), **OF_OPERATOR},
)
SHOW_LETTER = Operation(
    operation_id="showDeadLetter",
    tag="operator",
    summary="Show a dead letter",
    description="With what it says; `payload` is empty where its recording was erased.",
    security=OPERATOR,
    answers={
        200: Answer(words="The dead letter.", shape=operator_shapes.WholeDeadLetter),
        **OF_OPERATOR,
        **NO_LETTER,
    },
)
RESEND_LETTER = Operation(
    operation_id="resendDeadLetter",
    tag="operator",
    summary="Send a dead letter again",
    description="Under its id, before whatever of its session has yet to leave; its retries begin anew.",
    security=OPERATOR,
    answers={
        200: Answer(words="It is on its way.", shape=operator_shapes.DeadLetterDone),
        **OF_OPERATOR,
        **UNTAKEN,
        **NO_LETTER,
    },
)
DROP_LETTER = Operation(
    operation_id="dropDeadLetter",
    tag="operator",
    summary="Drop a dead letter",
    description="It is never sent, and what it says is gone.",
    security=OPERATOR,
    answers={
        200: Answer(words="It is gone.", shape=operator_shapes.DeadLetterDone),
        **OF_OPERATOR,
        **NO_LETTER,
    },
)
RESEND_ALL = Operation(
    operation_id="resendDeadLetters",
    tag="operator",
    summary="Send all dead letters of an application again",
    description="Those that it takes now, the oldest first.",
    security=OPERATOR,
    answers={
        200: Answer(words="They are on their way.", shape=operator_shapes.DeadLettersResent),
        **OF_OPERATOR,
        **UNTAKEN,
    },
)
DROP_ALL = Operation(
    operation_id="dropDeadLetters",
    tag="operator",
    summary="Drop all dead letters of an application",
    description="Also of one that was deleted.",
    security=OPERATOR,
    answers={200: Answer(words="They are gone.", shape=operator_shapes.DeadLettersDropped), **OF_OPERATOR},
)
