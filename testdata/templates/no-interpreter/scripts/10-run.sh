#!/usr/bin/nosuchlang
print("x")
