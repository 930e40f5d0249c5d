"""The emulator's own certificate authority and server certificate, since the official client speaks nothing
but TLS.
"""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFETIME = timedelta(days=20 * 365)
# A client whose clock is a little behind, or faked to yesterday, must find the certificate valid.
_BACKDATED = timedelta(days=2)


def server_certificate(folder: Path, host: str) -> tuple[bytes, bytes]:
    """Key and certificate of the server as PEM, for this host and for loopback; `ca.pem` in the folder is
    what clients have to trust.

    Kept between starts, so that clients with a loaded `ca.pem` survive a restart; made anew when not valid
    now, or for another host.
    """
    ca_file, key_file, certificate_file = folder / "ca.pem", folder / "server-key.pem", folder / "server.pem"
    files = (ca_file, key_file, certificate_file)
    if not (all(file.exists() for file in files) and _valid(certificate_file, host)):
        ca, key, certificate = _make(host)
        key_file.touch(mode=0o600)
        key_file.write_bytes(key)
        certificate_file.write_bytes(certificate)
        ca_file.write_bytes(ca)
    return key_file.read_bytes(), certificate_file.read_bytes()


def _valid(file: Path, host: str) -> bool:
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    is_current = certificate.not_valid_before_utc <= datetime.now(UTC) < certificate.not_valid_after_utc
    return is_current and _name(host) in names


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _make(host: str) -> tuple[bytes, bytes, bytes]:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Google Ads emulator CA")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    start = datetime.now(UTC) - _BACKDATED

    def builder(subject: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + _LIFETIME)
        )

    ca = (
        builder(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    names = dict.fromkeys(map(_name, ("localhost", "127.0.0.1", "::1", host)))
    alternatives = x509.SubjectAlternativeName(list(names))
    certificate = (
        builder(name, key.public_key())
        .add_extension(alternatives, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key_pem = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return ca.public_bytes(pem), key_pem, certificate.public_bytes(pem)
