"""Asks the questions of the table `questions`, one after the other, and counts the votes.

Save this file, or the questions, while people vote: nobody loses the connection, and no vote is lost, since the votes
stand in a table.
"""

MOST = 2000  # phones


def onOpen(dat, namespace, recovered):
    tell(dat)


def onReceiveEvent(dat, rowIndex, message, event):
    # What is returned for a vote goes back to the phone that gave it.
    if event == 'vote':
        return vote(dat, *message)
    if event == 'next':
        dat.store('asked', dat.fetch('asked', 0) + 1)
        op('votes').setSize(1, 2)
        tell(dat)


def question():
    """The row of the question that is asked now: the question, then its choices. After the last comes the first."""
    rows = op('questions').rows()
    texts = [cell.val for cell in rows[op('socketio1').fetch('asked', 0) % len(rows)]]
    return [text for text in texts if text]


def vote(dat, phone, choice):
    choices = question()[1:]
    if choice not in choices:
        return 'That is no choice any more.'
    votes = op('votes')
    before = votes[phone, 'choice']
    if before is not None:
        before.val = choice
    elif votes.numRows > MOST:
        return 'There are too many of you.'
    else:
        votes.appendRow([phone, choice])
    tell(dat)
    return f'Thank you. {choice} it is.' if before is None else f'Then {choice} it is.'


def tell(dat):
    """Counts anew, and tells all pages how it stands; the server answers how many there are."""
    text, *choices = question()
    given = [cell.val for cell in op('votes').col('choice')[1:]]
    tally = op('tally')
    tally.setSize(1, 2)
    for choice in choices:
        tally.appendRow([choice, given.count(choice)])
    state = {'question': text, 'choices': [[choice, given.count(choice)] for choice in choices]}
    dat.emit('state', state, ack=lambda pages: print(f'{text} {len(given)} votes, {pages} pages'), timeout=5)
