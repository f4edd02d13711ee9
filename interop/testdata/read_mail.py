"""Reads a mail from its input as mail programs written in Python do, and writes what it has found as JSON."""
import email.policy
import html.parser
import json
import re
import sys


class Page(html.parser.HTMLParser):
    """What a browser shows of a page, and where its links go."""

    def __init__(self):
        super().__init__()
        self.shown, self.links, self.elements, self.hidden = [], [], set(), 0

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.hidden += tag in ("style", "title", "script")
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag):
        self.hidden -= tag in ("style", "title", "script")

    def handle_data(self, data):
        if not self.hidden:
            self.shown.append(data)


mail = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
parts = [p for p in mail.walk() if not p.is_multipart()]
page = Page()
page.feed(mail.get_body(("html",)).get_content())
print(json.dumps({
    "defects": [str(d) for p in mail.walk() for d in p.defects] + [f"{k}: {d}" for p in mail.walk() for k, v in p.items() for d in v.defects],
    "types": [mail.get_content_type()] + [p.get_content_type() for p in parts],
    "from": mail["from"].addresses[0].addr_spec,
    "sender": mail["from"].addresses[0].display_name,
    "to": [a.addr_spec for a in mail["to"].addresses],
    "reply": [a.addr_spec for a in mail["reply-to"].addresses] if mail["reply-to"] else [],
    "subject": mail["subject"],
    "language": mail["content-language"] or "",
    "automatic": mail["auto-submitted"] or "",
    "id": mail["message-id"],
    "dated": mail["date"].datetime is not None,
    "text": re.sub(r"\s+", " ", mail.get_body(("plain",)).get_content()),
    "page": re.sub(r"\s+", " ", "".join(page.shown)),
    "links": page.links,
    "elements": sorted(page.elements),
}))
