#compdef lunsmith targetcli
# Completion of lunsmith for zsh. Words that are complete come with a blank at their end.
_lunsmith() {
  local -a all
  all=("${(@f)$(${words[1]} __complete '' "$LBUFFER" 2>/dev/null)}")
  all=(${all:#})
  (( $#all )) || return 1
  compadd -U -Q -S '' -- ${all:#* }
  compadd -U -Q -- ${${(M)all:#* }% }
}
if [[ $funcstack[1] = _lunsmith ]]; then
  _lunsmith "$@"
else
  compdef _lunsmith lunsmith targetcli
fi
