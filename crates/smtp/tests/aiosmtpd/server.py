# An SMTP server that is not ours. Says its port, then of each mail in a line of JSON what came over the wire and how Python reads it.
import asyncio
import email
import email.policy
import json

from aiosmtpd.smtp import SMTP


def lines(text):
    return text.replace("\r\n", "\n")


class Teller:
    async def handle_DATA(self, server, session, envelope):
        raw = envelope.content
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        sender = mail["from"].addresses[0]
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "sender": [sender.display_name, sender.addr_spec],
            "subject": str(mail["subject"]),
            "unsubscribe": str(mail["list-unsubscribe"]),
            "kinds": [part.get_content_type() for part in mail.walk()],
            "text": lines(mail.get_body(("plain",)).get_content()),
            "html": lines(mail.get_body(("html",)).get_content()),
            "defects": [str(defect) for part in mail.walk() for defect in part.defects],
            "bare": any(byte in raw.replace(b"\r\n", b"") for byte in b"\r\n"),
            "longest": max(len(line) for line in raw.split(b"\r\n")),
        }
        print(json.dumps(told), flush=True)
        return "250 2.0.0 taken"


async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Teller(), hostname="localhost"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(serve())
