#!/usr/bin/env python3
"""Decrypts what tar took from tapes that Holdfast wrote. Needs nothing but python3.

  decrypt.py --key FILE DIRECTORY

FILE is what `age -d KEYS/<key>.<how>.age` says; DIRECTORY is where tar put the tape files. Objects
are decrypted where they are, each is checked by its tags and its name, and what is in clear already
stays. Exit status: 0 all is well, 1 something could not be decrypted (and was said).
"""

import argparse
import ctypes
import functools
import hashlib
import hmac
import os
import re
import sys

SALT, PIECE, TAG, PURPOSE = 32, 64 << 10, 16, b"holdfast tape object 1\0"
OBJECT = re.compile(
    r"(?:[a-z0-9._-]+/){0,2}(?:config|(?:keys|index|snapshots|data/[0-9a-f]{2})/([0-9a-f]{64}))"
)


class Keys(dict):
    """Opened keys. AES-256-GCM is that of the OpenSSL that python itself has in it."""

    def __init__(self, files):
        for file in files:
            with open(file, encoding="ascii", errors="replace") as text:
                found = re.findall("([0-9a-f-]{36}) ([0-9a-f]{64})", text.read())
            if not found:
                raise SystemExit(f"{file}: no key is in it; age -d gives it")
            self.update((key, bytes.fromhex(secret)) for key, secret in found)

    @functools.cached_property
    def openssl(self):
        import _hashlib

        for name in [getattr(_hashlib, "__file__", None), "libcrypto.so.3"]:
            try:
                found = ctypes.CDLL(name)
                found.EVP_aes_256_gcm.restype = ctypes.c_void_p
                found.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
                return found
            except (OSError, AttributeError):
                pass
        raise SystemExit("no OpenSSL was found: libcrypto.so.3")

    def piece(self, key, nonce, data):
        """One piece in clear."""
        call, out, size = self.openssl, ctypes.create_string_buffer(PIECE), ctypes.c_int()
        cipher = ctypes.c_void_p(call.EVP_aes_256_gcm())
        context = ctypes.c_void_p(call.EVP_CIPHER_CTX_new())
        body, tag, told = data[:-TAG], data[-TAG:], ctypes.byref(size)
        good = (
            len(tag) == TAG
            and call.EVP_DecryptInit_ex(context, cipher, None, key, nonce) == 1
            and call.EVP_DecryptUpdate(context, out, told, body, len(body)) == 1
            and call.EVP_CIPHER_CTX_ctrl(context, 17, TAG, tag) == 1  # EVP_CTRL_AEAD_SET_TAG
            and call.EVP_DecryptFinal_ex(context, None, told) == 1
        )
        call.EVP_CIPHER_CTX_free(context)
        if not good:
            raise ValueError("another key, another name, or damaged")
        return out.raw[: len(body)]

    def open(self, key, path, pieces):
        """The bytes of an object, piece by piece."""
        rest, made, count = b"", b"", 0
        for piece in pieces:
            rest += piece
            if not made and len(rest) >= SALT:
                made = hmac.digest(rest[:SALT], self[key], "sha256")
                made = hmac.digest(made, PURPOSE + path.encode() + b"\1", "sha256")
                rest = rest[SALT:]
            while made and len(rest) > PIECE + TAG:
                yield self.piece(made, count.to_bytes(11, "big") + b"\0", rest[: PIECE + TAG])
                rest, count = rest[PIECE + TAG :], count + 1
        yield self.piece(made or bytes(32), count.to_bytes(11, "big") + b"\1", rest)


def pieces(path):
    with open(path, "rb") as source:
        while piece := source.read(1 << 20):
            yield piece


def plain(path, name):
    """Whether the object is in clear: its name is its sum then."""
    summing = hashlib.sha256()
    for piece in pieces(path):
        summing.update(piece)
    return summing.hexdigest() == name


def decrypt(keys, root, path, name):
    """Tries one key after the other; says whether one was right."""
    target = os.path.join(root, path)
    for key in keys:
        summing = hashlib.sha256()
        try:
            with open(target + ".part", "wb") as out:
                for piece in keys.open(key, path, pieces(target)):
                    summing.update(piece)
                    out.write(piece)
        except ValueError:
            continue
        if name in (None, summing.hexdigest()):
            os.replace(target + ".part", target)
            return True
    if os.path.exists(target + ".part"):
        os.remove(target + ".part")
    return False


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--key", metavar="FILE", action="append", required=True)
    parser.add_argument("directory", metavar="DIRECTORY")
    asked, wrong, count = parser.parse_args(), 0, 0
    keys = Keys(asked.key)
    for folder, _, files in os.walk(asked.directory):
        for file in sorted(files):
            path = os.path.relpath(os.path.join(folder, file), asked.directory)
            match = OBJECT.fullmatch(path)
            if not match or match[1] and plain(os.path.join(folder, file), match[1]):
                continue
            if decrypt(keys, asked.directory, path, match[1]):
                count += 1
            else:
                wrong += 1
                print(f"{path}: not decrypted: another key, or damaged", file=sys.stderr)
    print(f"{count} objects decrypted in {asked.directory}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
