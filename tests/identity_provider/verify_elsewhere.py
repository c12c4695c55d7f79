import sys

import jwt

keys = jwt.PyJWKClient("http://127.0.0.1:8000/.well-known/jwks.json")
token = sys.stdin.read().strip()
key = keys.get_signing_key_from_jwt(token)
checks = {"issuer": "http://127.0.0.1:8000", "audience": "watchword", "algorithms": ["ES256"]}
whole = jwt.decode_complete(token, key, **checks, options={"require": ["exp", "iat", "sub"]})
if whole["header"].get("typ") != "at+jwt":
    sys.exit("This is no access token.")
print(whole["payload"]["sub"])
