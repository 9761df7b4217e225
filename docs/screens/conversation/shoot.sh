#!/bin/sh
# Takes docs/screens/conversation.png anew: a real conversation between a simulated
# box at a terminal and Hydrogen, a Matrix client, around a real homeserver. It needs
# what the end-to-end tests need (Go, a C compiler, node 20 or newer, npm), Chromium
# (CHROMIUM names another than /usr/bin/chromium), and the fonts DejaVu (Debian's
# fonts-dejavu) and Noto Color Emoji (fonts-noto-color-emoji). Takes about a minute
# once the homeserver is built.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$root/bin/screens/conversation
mkdir -p "$work"
cp -R "$here/." "$work"
(cd "$work" && npm ci --no-audit --no-fund --ignore-scripts)
cd "$root/e2e"
# The name does not begin with WTVGATE_: the gateway takes those for its own.
CONVERSATION_SCREENS=$work "${GO:-go}" test -tags goolm -count=1 -timeout 20m -run '^TestConversationScreens$' .
cp "$work/conversation.png" "$root/docs/screens/conversation.png"
echo docs/screens/conversation.png
