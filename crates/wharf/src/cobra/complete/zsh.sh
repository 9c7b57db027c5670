#compdef NAME
# zsh completion for NAME: it asks the program itself.
_NAME() {
    local -a lines choices
    local line directive
    lines=("${(@f)$(${words[1]} QUESTION "${(@)words[2,$CURRENT]}" 2>/dev/null)}")
    for line in $lines; do
        if [[ $line == :<-> ]]; then
            directive=${line#:}
        else
            line=${line//:/\\:}
            choices+=("${line/$'\t'/:}")
        fi
    done
    _describe 'NAME' choices
    [[ $directive == 4 ]] || _files
}
compdef _NAME NAME
