# bash completion for NAME: it asks the program itself.
_NAME_complete() {
    local answer directive line
    answer=$("${COMP_WORDS[0]}" QUESTION "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
    directive=${answer##*:}
    COMPREPLY=()
    while IFS='' read -r line; do
        [[ -n $line && $line != :* ]] && COMPREPLY+=("$line")
    done <<<"$answer"
    if [[ $directive == 4 ]]; then
        compopt +o default 2>/dev/null
    fi
}
complete -o default -F _NAME_complete NAME
