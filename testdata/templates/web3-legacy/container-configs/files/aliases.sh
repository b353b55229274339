# shellcheck shell=sh
alias ll="ls -la"
