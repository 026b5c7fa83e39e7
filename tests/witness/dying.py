"""A witness whose process ends at the worst moment: the head is kept, the answer is not sent.

It does so once there is a file ``die`` beside its configuration.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import uvicorn

from api.witness import create_witness_app
from ledger.wiring import open_witness, witness_section


class Dying:
    """The application, until it is about to send a cosignature and finds the file."""

    def __init__(self, app: Any, order: Path) -> None:
        self.app = app
        self.order = order

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def last(message: Any) -> None:
            is_cosigned = scope.get("method") == "POST" and message.get("status") == 200
            if is_cosigned and self.order.exists():
                os.kill(os.getpid(), signal.SIGKILL)
            await send(message)

        await self.app(scope, receive, last)


if __name__ == "__main__":
    path = Path(sys.argv[sys.argv.index("--config") + 1])
    section = witness_section(path)
    app = Dying(create_witness_app(open_witness(path), prefix=section.prefix), path.parent / "die")
    uvicorn.run(app, host=section.host, port=section.port, log_level="warning")
