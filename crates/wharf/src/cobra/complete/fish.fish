# fish completion for NAME: it asks the program itself.
function __NAME_answer
    set -l words (commandline -opc) (commandline -ct)
    $words[1] QUESTION $words[2..-1] 2>/dev/null
end
function __NAME_choices
    __NAME_answer | string match -rv '^:[0-9]+$'
end
function __NAME_takes_no_file
    string match -q ':4' -- (__NAME_answer)[-1]
end
complete -c NAME -n __NAME_takes_no_file -f
complete -c NAME -a '(__NAME_choices)'
