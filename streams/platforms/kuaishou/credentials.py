"""The credentials for the open platform, and the signature of a call."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Credentials:
    """Keys of one application; secrets stay out of ``repr`` and thus out of logs."""

    app_key: str
    access_token: str = field(repr=False)
    """Secret: read from a file by the settings."""
    sign_secret: str = field(repr=False)
    """Secret: read from a file by the settings."""

    def signed(self, method: str, param: str, timestamp_ms: int) -> dict[str, str]:
        """Return all parameters of one call, including the signature.

        The signature covers the others, sorted by name and joined as
        ``name=value`` with ``&``, then ``&signSecret=`` and the secret; it is the
        Base64 of HMAC-SHA256 under that secret.
        """
        params = {
            "access_token": self.access_token,
            "appkey": self.app_key,
            "method": method,
            "param": param,
            "signMethod": "HMAC_SHA256",
            "timestamp": str(timestamp_ms),
            "version": "1",
        }
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        text += f"&signSecret={self.sign_secret}"
        digest = hmac.new(
            self.sign_secret.encode(), text.encode(), hashlib.sha256
        ).digest()
        return {**params, "sign": base64.b64encode(digest).decode("ascii")}
