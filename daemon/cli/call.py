"""`wavstream call`: a caller in real time, one or many at once."""

from daemon.cli import callasked as asked
from daemon.cli.failure import ending, wrong


def call(
    file: asked.File = None,
    *,
    url: asked.ApiUrl = "http://127.0.0.1:8000",
    app_id: asked.AppId = "",
    api_key: asked.ApiKey = "",
    rtp: asked.Rtp = None,
    calls: asked.Calls = 1,
    seconds: asked.Seconds = None,
    leg: asked.Leg = "rtp",
    legs: asked.Legs = 1,
    callee: asked.Callee = None,
    codec: asked.CodecName = None,
    rate: asked.Rate = None,
    ptime: asked.Ptime = None,
    record: asked.Record = False,
    verify: asked.Verify = False,
    loss: asked.Loss = 0.0,
    burst: asked.Burst = None,
    reorder: asked.Reorder = 0.0,
    duplicate: asked.Duplicate = 0.0,
    jitter: asked.Jitter = 0.0,
    skew: asked.Skew = 0.0,
    dtx: asked.Dtx = False,
    gap: asked.Gap = None,
    seed: asked.Seed = 0,
) -> None:
    """Place a call and talk in real time, in a new session or straight to an RTP address.

    With --record it says at the end where each recording is; with --verify, whether it is right. What is lost
    on request has to be silence there, and all the rest in its place.
    """
    from daemon.caller.faults import Faults
    from daemon.caller.sound import SoundError
    from daemon.cli import calling
    from daemon.cli.callprepared import Asked, prepared

    if not rtp and not (app_id and api_key):
        wrong("takes --app-id and --api-key (or WAVSTREAM_APP_ID and WAVSTREAM_API_KEY), or --rtp HOST:PORT")
    if rtp and (record or verify or calls > 1 or leg != "rtp"):
        wrong("--rtp goes past the API: give it once for each call; no --calls, --leg, --record or --verify")
    if rtp and legs > 1:
        wrong("--legs 2 is for sessions: --rtp says where each voice goes, and takes one")
    with ending(*calling.EXPECTED, refusing=(SoundError, ValueError)):
        faults = Faults(
            loss=loss,
            burst=burst,
            reorder=reorder,
            duplicate=duplicate,
            jitter=jitter / 1000,
            skew=skew,
            dtx=dtx,
            gap=asked.gap(gap),
            seed=seed,
        )
        wanted = Asked(
            file=file,
            callee=callee,
            seconds=seconds,
            leg=leg,
            legs=legs,
            codec=codec,
            rate=rate,
            ptime=ptime,
            faults=faults,
            verify=verify,
        )
        talk, manner = prepared(wanted)
        targets = calling.addresses(rtp or [])
    with ending(*calling.EXPECTED):
        if targets:
            calling.straight(talk, targets, manner)
        else:
            order = calling.Order(url, app_id, api_key, calls, record=record or verify, verify=verify)
            calling.through_api(talk, order, manner)
