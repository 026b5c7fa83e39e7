"""Publishing by a quorum: whatever one witness does, the others' signatures are shown."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from ledger.coop.state import State
from ledger.errors import NotFound, ReadOnly
from ledger.log.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from ledger.log.cosignature import CosignatureSigner
from ledger.log.key import KeyType, SigningKey, format_vkey
from ledger.log.note import Ed25519Signer, format_signature, parse_note, sign_text
from ledger.log.policy import format_policy, open_cosigned, parse_policy
from ledger.log.witness import AddCheckpoint, format_add_checkpoint, parse_add_checkpoint
from ledger.service.coop import Coop
from ledger.service.outside import heads_at_witnesses
from ledger.service.publish import publish, publisher, publishing
from ledger.service.published import (
    cosigned_of,
    note_over,
    published_note,
    standing,
    standing_document,
)
from ledger.service.submit import submit_usage
from ledger.store.outside import compare_heads
from ledger.store.reading import Head
from tests.builder import ORIGIN, log_key
from tests.installation import SLUG, Place, line, usage_body
from tests.witness.doors import CLOCK_SECONDS, Door, Request, honest, opened, through

LOG_LINE = f"log {format_vkey(log_key().verifier_key)}\n"
SECONDS_MAX = 0.6


@dataclass
class Scene:
    """A log, two honest witnesses, and a third door behind which anybody may be."""

    coop: Coop
    doors: list[Door]
    third: Door
    folder: Path
    count: int = 0

    def append(self) -> int:
        """One more entry; the log's size with it."""
        self.count += 1
        body = usage_body(self.coop, "bus", line(f"r{self.count}"))
        return submit_usage(self.coop, body).size

    def publish(self) -> None:
        asyncio.run(publish(self.coop, seconds_max=SECONDS_MAX))

    def shown(self) -> tuple[int, set[str]]:
        """Size and signers of the published checkpoint, verified by the policy."""
        note = published_note(self.coop)
        assert self.coop.policy is not None
        opened_ = open_cosigned(note, origin=ORIGIN, policy=self.coop.policy)
        names = {signature.name.removesuffix(".example") for signature in opened_.note.signatures}
        return opened_.checkpoint.size, names - {ORIGIN}

    def trouble(self, name: str) -> str | None:
        for row in standing_document(standing(self.coop))["witnesses"]:
            if row["name"] == name:
                assert row["trouble"] is None or row["trouble"]["en"]
                return None if row["trouble"] is None else row["trouble"]["code"]
        raise AssertionError(name)


@pytest.fixture
def scene(templates: dict[str, Path], tmp_path: Path) -> Iterator[Scene]:
    shutil.copytree(templates["open"], tmp_path / "log")
    installation = Place(tmp_path / "log").open()
    with ExitStack() as stack:
        found = [stack.enter_context(honest(tmp_path, name)) for name in ("a", "b")]
        third = stack.enter_context(opened("c"))
        doors = [*(door for door, _ in found), third]
        lines = "".join(door.policy_lines for door in doors)
        text = f"{LOG_LINE}{lines}group two 2 a b c\nquorum two\n"
        coop = replace(installation.coop(SLUG), policy=parse_policy(text.encode()))
        yield Scene(coop, doors, third, tmp_path)
        installation.close()


def refuse(status: int, body: bytes = b"no\n", **headers: str) -> Callable[[Request], None]:
    return lambda request: request.answer(status, body, **headers)


def cosigned(request: Request, seed: bytes | None = None, text: bytes | None = None) -> bytes:
    """A cosignature line as the third witness would write it, of another key or text if told."""
    asked = parse_note(parse_add_checkpoint(request.body).note).text
    own = SigningKey("c.example", KeyType.ED25519_COSIGNATURE, seed or _third_seed())
    return format_signature(sign_text(text or asked, CosignatureSigner(own, CLOCK_SECONDS)))


def _third_seed() -> bytes:
    from hashlib import sha256

    return sha256(b"c").digest()


def sleep(request: Request) -> None:
    time.sleep(3 * SECONDS_MAX)
    request.answer(200, cosigned(request))


def drip(request: Request) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(int(3 * SECONDS_MAX / 0.05)):
        request.wfile.write(b"X-%d: slow\r\n" % number)
        time.sleep(0.05)


def drip_body(request: Request) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(int(3 * SECONDS_MAX / 0.05)):
        request.wfile.write(b"x")
        time.sleep(0.05)


def flood(request: Request) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(1000):
        request.wfile.write(b"x" * 2**16)


def hang_up(request: Request) -> None:
    request.connection.close()


def babble(request: Request) -> None:
    request.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")


def bomb(request: Request) -> None:
    request.answer(200, gzip.compress(bytes(2**24)), Content_Encoding="gzip")


def redirect(request: Request) -> None:
    request.answer(307, b"", Location="/elsewhere")


def loop(request: Request) -> None:
    request.answer(409, b"%d\n" % (parse_add_checkpoint(request.body).old_size or 3))


def change_its_mind(request: Request) -> None:
    old_size = parse_add_checkpoint(request.body).old_size
    request.answer(409, b"2\n" if old_size != 2 else b"0\n")


def forge(request: Request) -> None:
    request.answer(200, cosigned(request, seed=bytes(32)).replace(b"c.example", b"a.example"))


def forge_id(request: Request) -> None:
    line_ = bytearray(cosigned(request))
    line_[-6] = ord("A") if line_[-6] != ord("A") else ord("B")
    request.answer(200, bytes(line_))


def sign_less(request: Request) -> None:
    smaller = sign_checkpoint(Checkpoint(ORIGIN, 1, bytes(32)), [Ed25519Signer(log_key())])
    request.answer(200, cosigned(request, text=parse_note(smaller).text))


def inject(request: Request) -> None:
    request.answer(200, b"more text\n\n" + cosigned(request))


HOSTILE = {
    "sleeps": (sleep, "slow"),
    "drips its header": (drip, "slow"),
    "drips its body": (drip_body, "slow"),
    "floods": (flood, "unreadable"),
    "hangs up": (hang_up, "unreachable"),
    "babbles": (babble, "unreachable"),
    "sends a bomb": (bomb, "unreadable"),
    "redirects": (redirect, "unreadable"),
    "says 200 and nothing": (refuse(200, b""), "unreadable"),
    "says 200 and garbage": (refuse(200, b"\xff\x00garbage\n"), "unreadable"),
    "says 200 and a web page": (refuse(200, b"<html>welcome</html>\n"), "unreadable"),
    "injects text": (inject, "unreadable"),
    "signs with another's name": (forge, "bad-signature"),
    "signs wrongly": (forge_id, "bad-signature"),
    "signs something else": (sign_less, "bad-signature"),
    "says 409 without a size": (refuse(409), "other-size"),
    "says 409 and a sign": (refuse(409, b"-1\n"), "other-size"),
    "says 409 and much": (refuse(409, b"1" * 10_000_000), "unreadable"),
    "says 409 for ever": (loop, "other-size"),
    "changes its mind": (change_its_mind, "other-size"),
    "is ahead": (refuse(409, b"1000000\n"), "ahead"),
    "is far ahead": (refuse(409, b"9223372036854775807\n"), "ahead"),
    "does not know the log": (refuse(404), "unknown-log"),
    "does not know the key": (refuse(403), "unknown-log"),
    "says the history is another": (refuse(422), "inconsistent"),
    "says it was asked wrongly": (refuse(400), "unreadable"),
    "is broken": (refuse(500), "unreachable"),
    "is busy": (refuse(503), "unreachable"),
    "has no content": (refuse(204, b""), "unreadable"),
}


def test_no_answer_of_one_witness_harms_the_others(scene):
    for what, (behave, trouble) in HOSTILE.items():
        scene.third.behave = behave
        before = scene.third.count
        size = scene.append()
        scene.publish()
        assert scene.shown() == (size, {"a", "b"}), what
        assert scene.trouble("c") == trouble, what
        assert (scene.trouble("a"), scene.trouble("b")) == (None, None), what
        assert scene.third.count - before <= 2, what
    # Nothing of it sticks: an honest witness under the same key is taken at once.
    with honest(scene.folder, "c") as (_, witness):
        scene.third.behave = through(witness)
        size = scene.append()
        scene.publish()
        assert scene.shown() == (size, {"a", "b", "c"})
        assert scene.trouble("c") is None


def test_nothing_is_shown_before_the_quorum_and_then_the_newest_that_has_it(scene):
    scene.third.behave = hang_up
    scene.doors[1].behave = hang_up
    with pytest.raises(NotFound):
        published_note(scene.coop)
    scene.append()
    scene.publish()
    with pytest.raises(NotFound):
        published_note(scene.coop)
    assert standing(scene.coop).witnessed_size is None


def test_a_quorum_that_is_lost_leaves_the_last_that_had_it(scene):
    scene.third.behave = hang_up
    size = scene.append()
    scene.publish()
    scene.doors[1].behave = hang_up
    newer = scene.append()
    scene.publish()
    assert scene.shown() == (size, {"a", "b"})
    found = standing(scene.coop)
    assert (found.size, found.witnessed_size) == (newer, size)
    assert [one.behind for one in found.witnesses] == [0, 1, newer]
    # An entry that the quorum has not seen is shown under what the log alone has signed.
    assert note_over(scene.coop, size - 1) == (size, published_note(scene.coop))
    assert note_over(scene.coop, newer - 1)[0] == newer


def test_a_crash_at_any_point_means_asking_again(scene):
    scene.third.behave = hang_up
    size = scene.append()
    scene.publish()
    # The head was chosen and nobody asked; the log went on.
    with scene.coop.reading() as (_, log):
        head = log.head()
    scene.append()
    cosigned_of(scene.coop).choose(head, held_since="")
    scene.publish()
    newer = standing(scene.coop).size
    assert scene.shown() == (newer, {"a", "b"})
    # A witness has kept the head, and its answer was lost.
    size = scene.append()
    with scene.coop.reading() as (_, log):
        note, proof = log.head().note, log.consistency(newer, size)
    request = format_add_checkpoint(AddCheckpoint(newer, proof, note))
    assert httpx.post(f"{scene.doors[0].url}/add-checkpoint", content=request).status_code == 200
    scene.publish()
    assert scene.shown() == (size, {"a", "b"})
    # A witness has lost its database and begins anew: its operator's fault, not the log's.
    with honest(scene.folder, "b-anew") as (_, witness):
        witness._keys = tuple(scene.doors[1].keys)
        scene.doors[1].behave = through(witness)
        size = scene.append()
        scene.publish()
        assert scene.shown() == (size, {"a", "b"})


def test_what_the_witnesses_hold_is_compared_before_anything_is_signed(scene):
    size = scene.append()
    scene.third.behave = hang_up
    scene.publish()
    policy, state = scene.coop.policy, scene.coop.state()
    for behave in (
        hang_up,
        refuse(200, b"x" * 2**20),
        refuse(500),
        redirect,
        drip_for_ever,
        invent,
    ):
        scene.third.behave = behave
        found = heads_at_witnesses(policy, ORIGIN, state)
        assert {(head.source, head.size) for head in found} == {
            ("the witness a", size), ("the witness b", size),
        }  # fmt: skip
    # A database without its charter still has the policy's own key of the log.
    assert len(heads_at_witnesses(policy, ORIGIN, State())) == 2
    assert heads_at_witnesses(replace(policy, logs=()), ORIGIN, State()) == []
    with scene.coop.reading() as (_, log), pytest.raises(ReadOnly, match="the witness a"):
        compare_heads(log, Head(size - 1, log.root(size - 1), b""), found)


def drip_for_ever(request: Request) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(500):  # each byte comes in time, all of them never
        request.wfile.write(b"X-%d: slow\r\n" % number)
        time.sleep(0.05)


def invent(request: Request) -> None:
    head = Checkpoint(ORIGIN, 999, bytes(32))
    stranger = SigningKey(ORIGIN, KeyType.ED25519, bytes(32))
    request.answer(200, sign_checkpoint(head, [Ed25519Signer(stranger)]))


def test_publishing_again_asks_nobody_who_has_signed(scene):
    scene.third.behave = refuse(404)
    scene.append()
    scene.publish()
    counts = [door.count for door in scene.doors]
    scene.publish()
    assert [door.count for door in scene.doors] == [counts[0], counts[1], counts[2] + 1]


@asynccontextmanager
async def in_background(scene: Scene):
    async with publishing([scene.coop], seconds_max=20.0, pause_seconds=0.02):
        yield


async def until(done: Callable[[], bool]) -> None:
    await asyncio.to_thread(_wait, done)


def _wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_collecting_goes_on_after_the_quorum_and_waits_for_nobody(scene):
    release = threading.Event()
    with honest(scene.folder, "c") as (_, witness):

        def late(request: Request) -> None:
            release.wait(30)
            through(witness)(request)

        scene.third.behave = late

        async def run() -> None:
            async with in_background(scene):
                for _ in range(3):  # the third witness holds its answer all the while
                    size = await asyncio.to_thread(scene.append)
                    await until(lambda size=size: scene_shows(scene, size, {"a", "b"}))
                release.set()
                await until(lambda: scene_shows(scene, size, {"a", "b", "c"}))

        asyncio.run(run())
    assert scene.third.count <= 3  # one request at a time, however many commits there were


def scene_shows(scene: Scene, size: int, names: set[str]) -> bool:
    try:
        return scene.shown() == (size, names)
    except NotFound:
        return False


def test_a_witness_that_fails_is_left_alone_for_a_while(scene):
    scene.third.behave = hang_up

    async def run() -> None:
        async with publisher(scene.coop, scene.coop.policy, seconds_max=5.0) as found:
            for _ in range(5):
                await asyncio.to_thread(scene.append)
                await found.step()
                await found.settle()

    asyncio.run(run())
    assert scene.third.count == 1
    assert scene.doors[0].count == 5


def test_two_publishers_of_one_log_do_not_get_into_each_other_s_way(scene):
    scene.third.behave = hang_up

    async def run() -> None:
        async with in_background(scene), in_background(scene):
            for _ in range(4):
                size = await asyncio.to_thread(scene.append)
            await until(lambda: scene_shows(scene, size, {"a", "b"}))

    asyncio.run(run())
    assert (scene.trouble("a"), scene.trouble("b")) == (None, None)


def test_one_address_with_two_keys_is_asked_once(templates, tmp_path):
    shutil.copytree(templates["open"], tmp_path / "log")
    installation = Place(tmp_path / "log").open()
    types = (KeyType.ED25519_COSIGNATURE, KeyType.ML_DSA_44)
    with honest(tmp_path, "pq", types) as (door, witness):
        text = f"{LOG_LINE}{door.policy_lines}group both all pq pq-ml-dsa\nquorum both\n"
        policy = parse_policy(text.encode())
        assert parse_policy(format_policy(policy)) == policy
        coop = replace(installation.coop(SLUG), policy=policy)
        found = asyncio.run(publish(coop, seconds_max=20.0))
        assert found.witnessed_size == found.size
        assert door.count == 1
        opened_ = open_cosigned(published_note(coop), origin=ORIGIN, policy=policy)
        assert len(opened_.note.signatures) == 3
        # Once it signs with one key only, that is told of the other.
        witness._keys = witness._keys[:1]
        submit_usage(coop, usage_body(coop, "bus", line("more")))
        found = asyncio.run(publish(coop, seconds_max=20.0))
        assert found.witnessed_size == found.size - 1
        assert [one.row.trouble for one in found.witnesses] == [None, "bad-signature"]
    installation.close()


def test_without_a_quorum_the_newest_is_shown_with_what_there_is(scene):
    text = f"{LOG_LINE}{scene.doors[0].policy_lines}witness x {_vkey('x')}\nquorum none\n"
    scene.coop = replace(scene.coop, policy=parse_policy(text.encode()))
    size = scene.append()
    assert scene.shown() == (size, set())
    scene.publish()
    assert scene.shown() == (size, {"a"})
    assert scene.trouble("x") == "no-address"


def _vkey(name: str) -> str:
    return format_vkey(SigningKey(name, KeyType.ED25519_COSIGNATURE, bytes(32)).verifier_key)


def test_without_a_policy_the_log_shows_what_it_signed(scene):
    coop = replace(scene.coop, policy=None)
    size = scene.append()
    assert parse_checkpoint(parse_note(published_note(coop)).text).size == size
    found = asyncio.run(publish(coop))
    assert (found.size, found.quorum, found.witnesses) == (size, None, ())
