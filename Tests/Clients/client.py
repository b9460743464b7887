"""What the clients here share: where the server is, and a start that takes its address as the only argument."""
import hashlib
import sys
import unittest

server = ""


def url(path):
    return server + path


def md5(data):
    return hashlib.md5(data).hexdigest()


def main():
    global server
    server = sys.argv.pop()
    # The tests' own module has another name than this one, which has the address.
    unittest.main(module="__main__")
