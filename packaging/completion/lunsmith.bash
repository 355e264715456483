# Completion of lunsmith for bash. The words of bash end at ':' and '=', names of targets do not:
# the program gets the line itself, and what bash takes for the end of a word.
_lunsmith() {
  mapfile -t COMPREPLY < <("${COMP_WORDS[0]}" __complete "$COMP_WORDBREAKS" \
    "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -o nospace -F _lunsmith lunsmith targetcli
