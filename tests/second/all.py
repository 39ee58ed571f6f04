"""What `run` calls: the vectors of both sides, then the conversations. The last line counts it all."""

import sys

import check
import make
import mixed


def main(program, args):
    passed, failed = check.run()
    wrong = make.main(check=True)
    passed, failed = passed + len(make.FILES) - wrong, failed + wrong
    seed = int(args[args.index("--seed") + 1]) if "--seed" in args else 1
    more, less = mixed.run(program, "--long" in args, seed)
    print(f"{passed + more} passed, {failed + less} failed")
    return 1 if failed + less else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
