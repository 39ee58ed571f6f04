"""ML-KEM-768 (FIPS 203) with every random byte given by the caller; a private key is its seed `d | z`. Plain Python, not constant-time."""

import hashlib

Q = 3329
K = 3
SEED_LEN, EK_LEN, CT_LEN = 64, 1184, 1088
DU, DV = 10, 4


class Refused(Exception):
    """An encapsulation key with a coefficient that is not below 3,329, or of another length."""


def _reverse7(i):
    return int(f"{i:07b}"[::-1], 2)


ZETA = [pow(17, _reverse7(i), Q) for i in range(128)]
GAMMA = [pow(17, 2 * _reverse7(i) + 1, Q) for i in range(128)]


def _ntt(f):
    f, i, length = list(f), 1, 128
    while length >= 2:
        for start in range(0, 256, 2 * length):
            zeta = ZETA[i]
            i += 1
            for j in range(start, start + length):
                t = zeta * f[j + length] % Q
                f[j + length] = f[j] - t
                f[j] += t
        length //= 2
    return [x % Q for x in f]


def _inverse_ntt(f):
    f, i, length = list(f), 127, 2
    while length <= 128:
        for start in range(0, 256, 2 * length):
            zeta = ZETA[i]
            i -= 1
            for j in range(start, start + length):
                t = f[j]
                f[j] = t + f[j + length]
                f[j + length] = zeta * (f[j + length] - t) % Q
        length *= 2
    return [x * 3303 % Q for x in f]


def _multiply_add(h, f, g):
    for i in range(128):
        a0, a1, b0, b1 = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
        h[2 * i] += a0 * b0 + a1 * b1 % Q * GAMMA[i]
        h[2 * i + 1] += a0 * b1 + a1 * b0


def _dot(fs, gs):
    h = [0] * 256
    for f, g in zip(fs, gs):
        _multiply_add(h, f, g)
    return [x % Q for x in h]


def _add(f, g):
    return [(a + b) % Q for a, b in zip(f, g)]


def _encode(f, d):
    n = 0
    for x in reversed(f):
        n = n << d | x
    return n.to_bytes(32 * d, "little")


def _decode(b, d):
    n, mask = int.from_bytes(b, "little"), (1 << d) - 1
    bits = f"{n:0{256 * d}b}"
    end = len(bits)
    return [int(bits[end - d * (i + 1):end - d * i], 2) & mask for i in range(256)]


def _compress(f, d):
    return [((x << d) + Q // 2) // Q % (1 << d) for x in f]


def _decompress(f, d):
    return [(x * Q + (1 << (d - 1))) >> d for x in f]


def _sample_ntt(seed):
    a, size = [], 672
    while True:
        stream = hashlib.shake_128(seed).digest(size)
        a.clear()
        for i in range(0, size, 3):
            c0, c1, c2 = stream[i], stream[i + 1], stream[i + 2]
            d1, d2 = c0 + 256 * (c1 % 16), c1 // 16 + 16 * c2
            if d1 < Q:
                a.append(d1)
            if d2 < Q and len(a) < 256:
                a.append(d2)
            if len(a) == 256:
                return a
        size += 168


NIBBLE = [(x & 1) + (x >> 1 & 1) - (x >> 2 & 1) - (x >> 3 & 1) for x in range(16)]


def _noise(seed, index):
    """CBD with eta = 2, for both eta1 and eta2 of ML-KEM-768."""
    f = []
    for byte in hashlib.shake_256(seed + bytes([index])).digest(128):
        f.append(NIBBLE[byte & 15])
        f.append(NIBBLE[byte >> 4])
    return f


def _matrix(rho):
    return [[_sample_ntt(rho + bytes([j, i])) for j in range(K)] for i in range(K)]


def _g(data):
    h = hashlib.sha3_512(data).digest()
    return h[:32], h[32:]


def _pke_keygen(d):
    rho, sigma = _g(d + bytes([K]))
    a = _matrix(rho)
    s = [_ntt(_noise(sigma, i)) for i in range(K)]
    e = [_ntt(_noise(sigma, K + i)) for i in range(K)]
    t = [_add(_dot(a[i], s), e[i]) for i in range(K)]
    return b"".join(_encode(x, 12) for x in t) + rho, s


def _pke_encrypt(ek, m, coins):
    t = [_decode(ek[384 * i:384 * (i + 1)], 12) for i in range(K)]
    a = _matrix(ek[384 * K:])
    y = [_ntt(_noise(coins, i)) for i in range(K)]
    e1 = [_noise(coins, K + i) for i in range(K)]
    e2 = _noise(coins, 2 * K)
    u = [_add(_inverse_ntt(_dot([a[j][i] for j in range(K)], y)), e1[i]) for i in range(K)]
    mu = _decompress(_decode(m, 1), 1)
    v = _add(_add(_inverse_ntt(_dot(t, y)), e2), mu)
    return b"".join(_encode(_compress(x, DU), DU) for x in u) + _encode(_compress(v, DV), DV)


def _pke_decrypt(s, ct):
    u = [_decompress(_decode(ct[320 * i:320 * (i + 1)], DU), DU) for i in range(K)]
    v = _decompress(_decode(ct[320 * K:], DV), DV)
    w = _inverse_ntt(_dot(s, [_ntt(x) for x in u]))
    return _encode(_compress([(a - b) % Q for a, b in zip(v, w)], 1), 1)


def public(seed):
    """The encapsulation key (1,184 bytes) of a seed `d | z` (64 bytes)."""
    assert len(seed) == SEED_LEN
    return _pke_keygen(seed[:32])[0]


def check(ek):
    """The modulus check of FIPS 203, section 7.2."""
    if len(ek) != EK_LEN or any(x >= Q for i in range(K) for x in _decode(ek[384 * i:384 * (i + 1)], 12)):
        raise Refused
    return ek


def encaps(ek, coins):
    """`(ct, ss)` from 32 bytes of coins."""
    assert len(coins) == 32
    ss, r = _g(coins + hashlib.sha3_256(ek).digest())
    return _pke_encrypt(ek, coins, r), ss


def decaps(seed, ct):
    """`ss`; never fails for a ciphertext of 1,088 bytes."""
    assert len(seed) == SEED_LEN and len(ct) == CT_LEN
    ek, s = _pke_keygen(seed[:32])
    m = _pke_decrypt(s, ct)
    ss, r = _g(m + hashlib.sha3_256(ek).digest())
    if _pke_encrypt(ek, m, r) == ct:
        return ss
    return hashlib.shake_256(seed[32:] + ct).digest(32)
