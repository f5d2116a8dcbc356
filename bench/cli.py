"""Arguments in, a table out."""
import sys
from bench.options import *
from bench.running import *
from dataclasses import asdict
def main(arguments):
    o=Options(rounds=1,bootstrap=arguments[0],engines=tuple(arguments[1].split(",")),records=int(arguments[2]),orders=int(arguments[3]),seconds=int(arguments[4]))
    for r in rounds(o.bootstrap,o,print): print(asdict(r))
