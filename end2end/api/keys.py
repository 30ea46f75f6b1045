"""Makes a key on the page /keys, as a person of the demo does, and prints it.

    keys.py <address of the portal> <e-mail> <whose: house, supplier:100234 …> <right> [<right> …]
"""

import http.cookiejar
import re
import sys
import urllib.parse
import urllib.request

PASSWORD = "interlock-demo"


def main() -> None:
    portal, email, owner, *rights = sys.argv[1:]
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar))

    def post(path: str, fields: list[tuple[str, str]]) -> str:
        form = urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(f"{portal}{path}", form, {"Origin": portal, "Accept": "text/html"})
        with browser.open(request, timeout=30) as page:
            return page.read().decode()

    post("/do/sign-in", [("email", email), ("password", PASSWORD), ("next", "/profile")])
    fields = [("typed[name]", "Schemathesis"), ("typed[owner]", owner), ("typed[lasts]", "30")]
    page = post("/do/make-key", fields + [("typed[rights][]", right) for right in rights])
    key = re.search(r"ilk_[0-9a-f]+_[0-9a-f]{64}", page)
    if not key:
        sys.exit("The page did not show a key.")
    print(key.group())


if __name__ == "__main__":
    main()
