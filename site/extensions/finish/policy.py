"""A Content-Security-Policy on each page: scripts are the site's own, and no other address is reached."""

import base64
import hashlib

from .page import Page

JAVASCRIPT = {None, "", "text/javascript", "application/javascript", "module"}
# `blob:` are the explorers' components and the lab's worker, made of the page's own state; inline styles are
# those that widgets and formulas carry; WebAssembly is the lab's product of matrices.
POLICY = (
    "default-src 'none'; script-src 'self' blob: 'wasm-unsafe-eval'{hashes}; worker-src blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' blob:; form-action 'self'; base-uri 'none'"
)


def digest(code: str) -> str:
    return base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()


def protect(page: Page) -> None:
    """Write the policy as the head's first element behind the encoding; inline scripts are named by hash."""
    inline = (
        script.get_text()
        for script in page.soup.find_all("script", src=False)
        if script.get("type") in JAVASCRIPT
    )
    hashes = "".join(f" 'sha256-{one}'" for one in sorted({digest(code) for code in inline}))
    charset = page.head.find("meta", charset=True)
    charset.insert_after(
        page.tag("meta", http_equiv="Content-Security-Policy", content=POLICY.format(hashes=hashes))
    )
